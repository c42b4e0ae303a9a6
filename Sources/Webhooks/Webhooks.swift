import Capture
import Dispatch
import Engine
import Logging
import Runtime
import Synchronization

/// Delivers changes to the receivers that asked for them, while the duty is this instance's.
///
/// Everything happens on this actor's queue, which never blocks: changes come from a ``ChangeSource``, and through ``PastReader``
/// where they are on the disk; what is owed is decided by an outbox for each endpoint, requests are made by ``Transport``, and
/// progress is written by ``DutyDesk`` on its queue.
package actor Webhooks: QueueConfined {
  package nonisolated let executor = QueueExecutor(label: "onhand.webhooks")
  package nonisolated let status = WebhookStatus()
  /// Where changes come from.
  package nonisolated let source: ChangeSource
  private nonisolated let past: PastReader
  private let settings: WebhookSettings
  let guardian: AddressGuard
  let clock: Clock
  private let logger: Logger
  private var desk: DutyDesk?
  private(set) var transport: Transport?
  private var runners: [String: EndpointRunner] = [:]
  /// In which order endpoints are served; each turn begins with another.
  private var order: [String] = []
  private var hasDuty = false
  /// Counts the times that the duty changed hands, so that what belongs to an earlier time is told apart.
  private var term = 0
  private var random = SystemRandomNumberGenerator()
  private var timer: (any DispatchSourceTimer)?
  /// When the timer fires next, on the outboxes' clock.
  private var wakeTime = Int64.max
  private var lookTimer: (any DispatchSourceTimer)?
  private var reports: [(endpoint: String, detail: String)] = []
  private var healthTold: [String: String] = [:]
  private let bell: DeliveryBell
  /// One page is read at a time, for all endpoints in turn.
  private var isPastAsked = false
  private var isStopped = false
  private var willPumpAgain = false

  /// Attempts told of each endpoint in a second; of more, those that failed.
  private static let reportsMax = 20
  private static let lookInterval = DispatchTimeInterval.milliseconds(500)

  /// - Parameter bell: is rung when the source may have more.
  package init(
    _ settings: WebhookSettings, _ source: ChangeSource, bell: DeliveryBell, conninfo: String,
    clock: Clock, logger: Logger
  ) {
    self.source = source
    self.bell = bell
    past = PastReader(source)
    self.settings = settings
    guardian = settings.guardian
    self.clock = clock
    self.logger = logger
    let executor = executor
    transport = Transport(
      queue: executor.queue, guardian: guardian, certificates: settings.certificates)
    desk = DutyDesk(conninfo: conninfo, logger: logger) { event in
      bell.owner?.post { $0.hear(event) }
    }
  }

  /// Begins, on its own queue.
  package nonisolated func start() {
    bell.setOwner(self)
    post { webhooks in
      webhooks.startEvents()
      webhooks.desk?.start()
    }
  }

  /// Ends what is under way and calls `completion` once what was delivered is written.
  package nonisolated func stop(_ completion: @escaping @Sendable () -> Void) {
    post { $0.end(completion) }
  }

  /// Finds the position behind which everything lies that was committed at a time or later.
  ///
  /// - Parameters:
  ///   - time: microseconds since 2000-01-01 UTC.
  ///   - completion: hears nil where that is not kept any more; called on another queue.
  package nonisolated func find(
    before time: Int64, _ completion: @escaping @Sendable (Position?) -> Void
  ) {
    past.find(before: time, completion)
  }

  private func startEvents() {
    let handleEvents: @Sendable () -> Void = {
      self.assumeIsolated { webhooks in
        webhooks.transport?.handleEvents()
        webhooks.pump()
      }
    }
    let handleAlarm: @Sendable () -> Void = {
      self.assumeIsolated { webhooks in
        webhooks.transport?.handleAlarm()
        webhooks.pump()
      }
    }
    transport?.start(events: handleEvents, alarm: handleAlarm)
    timer = makeTimer { webhooks in
      webhooks.wakeTime = .max
      webhooks.pump()
    }
    lookTimer = makeTimer { $0.look() }
    lookTimer?.schedule(deadline: .now(), repeating: Self.lookInterval)
  }

  private func makeTimer(_ body: @escaping @Sendable (isolated Webhooks) -> Void)
    -> any DispatchSourceTimer
  {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(deadline: .distantFuture)
    timer.setEventHandler { self.assumeIsolated { body($0) } }
    timer.activate()
    return timer
  }

  private func end(_ completion: @escaping @Sendable () -> Void) {
    isStopped = true
    transport?.cancelAll()
    timer?.cancel()
    lookTimer?.cancel()
    transport = nil
    bell.setOwner(nil)
    // Twice, as what was delivered while an endpoint's last write was under way is told by another.
    record(times: 2) { $0.endDesk(completion) }
  }

  /// Writes what is done, and goes on once that is written.
  private func record(
    times: Int, _ completion: @escaping @Sendable (isolated Webhooks) -> Void
  ) {
    guard times > 0 else { return completion(self) }
    record()
    // Behind the write, as the desk has one queue.
    let isWritten: @Sendable (Bool) -> Void = { _ in
      self.post { $0.record(times: times - 1, completion) }
    }
    desk?.write({ _ in }, isWritten)
  }

  private func endDesk(_ completion: @escaping @Sendable () -> Void) {
    desk?.end(completion)
    desk = nil
  }

  // MARK: The duty

  private func hear(_ event: DutyDesk.Event) {
    guard !isStopped else { return }
    switch event {
    case .gained(let endpoints, let records):
      term += 1
      hasDuty = true
      runners.removeAll()
      for endpoint in endpoints { add(endpoint, records[endpoint.id] ?? EndpointRecord()) }
      watch(endpoints)
    case .endpoints(let endpoints):
      if hasDuty { update(endpoints) }
      watch(endpoints)
    case .askedFor(let deliveries):
      for delivery in deliveries { sendAgain(delivery) }
    case .lost:
      hasDuty = false
      term += 1
      runners.removeAll()
      // Whoever has the duty now may be sending already.
      transport?.cancelAll()
    }
    status.setDuty(hasDuty)
    bell.setHeard(hasDuty && !order.isEmpty)
    pump()
  }

  private func add(_ endpoint: WebhookEndpoint, _ record: EndpointRecord) {
    runners[endpoint.id] = EndpointRunner(
      endpoint, record, schedule: settings.schedule, guardian)
  }

  private func update(_ endpoints: [WebhookEndpoint]) {
    let known = Set(endpoints.map(\.id))
    for id in runners.keys where !known.contains(id) { runners[id] = nil }
    for endpoint in endpoints {
      guard let runner = runners[endpoint.id] else {
        add(endpoint, EndpointRecord())
        continue
      }
      runner.update(endpoint, guardian)
    }
  }

  private func watch(_ endpoints: [WebhookEndpoint]) {
    order = endpoints.map(\.id)
    watchedViews = Set(endpoints.map(\.view))
  }

  private var watchedViews: Set<QualifiedName> = []

  // MARK: The round

  /// On the outboxes' clock, in milliseconds.
  private var now: Int64 { clock.monotonic / 1_000_000 }

  /// Takes in what is new, sends what may be sent, writes what is done; then sleeps until there is something to do.
  private func pump() {
    guard hasDuty, !isStopped else { return }
    bell.silence()
    let now = now
    var hasMore = false
    for id in order where runners[id]?.pull(source, now: now) ?? false { hasMore = true }
    askPast()
    send(now)
    transport?.drive()
    record()
    sleep(now)
    if hasMore { pumpAgain() }
  }

  /// Lets the queue's other work have its turn first, as an answer that has come in.
  private func pumpAgain() {
    guard !willPumpAgain else { return }
    willPumpAgain = true
    post { webhooks in
      webhooks.willPumpAgain = false
      webhooks.pump()
    }
  }

  func answerBell() {
    bell.silence()
    pump()
  }

  /// Has the next of the endpoints' questions answered by the disk.
  private func askPast() {
    guard !isPastAsked else { return }
    for id in order {
      guard let question = runners[id]?.takeQuestion() else { continue }
      isPastAsked = true
      let term = term
      past.read(question.changes) { page in
        self.post { $0.hear(page, to: question, of: id, term) }
      }
      return
    }
  }

  private func hear(
    _ page: PastReader.Page?, to question: EndpointRunner.PastQuestion, of id: String, _ term: Int
  ) {
    isPastAsked = false
    if term == self.term { runners[id]?.hear(page, to: question, source, now: now) }
    pump()
  }

  private func send(_ now: Int64) {
    guard !order.isEmpty else { return }
    order.append(order.removeFirst())
    for id in order {
      guard let runner = runners[id] else { continue }
      while transport?.hasRoom ?? false, let (number, message) = runner.next(now: now) {
        send(message, number, of: runner)
      }
    }
  }

  private func send(_ message: EndpointRunner.Message, _ number: Int, of runner: EndpointRunner) {
    guard let url = runner.url else { return }
    let term = term
    let id = runner.endpoint.id
    transport?.send(request(message.id, message.body, url, runner.endpoint)) { answer in
      self.assumeIsolated { webhooks in
        guard webhooks.term == term, let runner = webhooks.runners[id] else { return }
        webhooks.finish(number, of: runner, message, answer)
      }
    }
  }

  func request(
    _ id: String, _ body: [UInt8], _ url: WebhookURL, _ endpoint: WebhookEndpoint
  ) -> OutgoingRequest {
    OutgoingRequest(
      url: url,
      headers: Signer.headers(
        id: id, timestamp: clock.unixSeconds, body: body, secrets: endpoint.secrets),
      body: body, timeout: endpoint.timeout)
  }

  private func finish(
    _ number: Int, of runner: EndpointRunner, _ message: EndpointRunner.Message,
    _ answer: ReceiverAnswer
  ) {
    let failures = runner.failures(of: number)
    let verdict = runner.finish(
      number, outcome(answer), failure: answer.summary, now: now, &random)
    let state =
      switch verdict {
      case .done: "delivered"
      case .retried: "retrying"
      case .parked: "parked"
      }
    switch verdict {
    case .done: status.delivered.add()
    case .retried: status.failed.add()
    case .parked: status.parked.add()
    }
    report(
      AttemptReport(
        webhookID: message.id, failures: failures, state: state, answer: answer,
        at: clock.wallMicroseconds), runner)
    if answer.status == Self.goneStatus { disable(runner) }
  }

  /// A receiver that is gone for good says so.
  private static let goneStatus = 410
  private static let statusesToWaitFor: Set = [429, 503]

  private func outcome(_ answer: ReceiverAnswer) -> SendingOutcome {
    if answer.isSuccess { return .delivered }
    if answer.failure == .cancelled { return .cancelled(wasSent: answer.wasSent) }
    let asked = answer.status.flatMap {
      Self.statusesToWaitFor.contains($0) ? answer.retryAfter : nil
    }
    return .failed(
      wasSent: answer.wasSent,
      retryAfter: asked.flatMap { RetryAfter.milliseconds($0, now: clock.unixSeconds) })
  }

  private func disable(_ runner: EndpointRunner) {
    var endpoint = runner.endpoint
    endpoint.isEnabled = false
    runner.update(endpoint, guardian)
    logger.warning("webhook_disabled", metadata: ["endpoint": "\(endpoint.id)", "reason": "gone"])
    let id = endpoint.id
    desk?.write({ (tables) throws(PostgresError) in try tables.disable(id, reason: "gone") })
  }

  /// Sends a parked delivery once more, besides the order of its keys.
  private func sendAgain(_ delivery: AskedForDelivery) {
    guard let runner = runners[delivery.endpoint], let url = runner.url else { return }
    let term = term
    let endpoint = runner.endpoint
    let number = delivery.number
    transport?.send(request(delivery.id, delivery.body, url, endpoint)) { answer in
      self.assumeIsolated { webhooks in
        guard webhooks.term == term, let runner = webhooks.runners[endpoint.id] else { return }
        webhooks.report(
          AttemptReport(
            webhookID: delivery.id, failures: 0, state: answer.isSuccess ? "delivered" : "parked",
            answer: answer, at: webhooks.clock.wallMicroseconds), runner)
        guard answer.isSuccess else { return }
        webhooks.desk?.write({ (tables) throws(PostgresError) in try tables.removeParked(number) })
      }
    }
  }

  // MARK: Recording

  private func record() {
    let now = now
    let writes = runners.values.compactMap { $0.takeWrite(now: now) }
    guard !writes.isEmpty else { return }
    let term = term
    let completion: @Sendable (Bool) -> Void = { isDone in
      self.post { $0.recorded(writes, isDone: isDone, term) }
    }
    desk?.write({ (tables) throws(PostgresError) in try tables.write(writes) }, completion)
  }

  private func recorded(_ writes: [EndpointWrite], isDone: Bool, _ term: Int) {
    guard term == self.term else { return }
    for write in writes { runners[write.endpoint]?.recorded(write, isDone: isDone) }
    pump()
  }

  private func sleep(_ now: Int64) {
    var next = Int64.max
    for runner in runners.values { next = min(next, runner.nextTime(now: now) ?? .max) }
    // To set a timer wakes the thread that keeps them.
    guard next != wakeTime else { return }
    wakeTime = next
    let wait =
      next == .max ? DispatchTime.distantFuture : .now() + .milliseconds(Int(max(1, next - now)))
    timer?.schedule(deadline: wait, leeway: .milliseconds(1))
  }

  // MARK: What people look at

  private func report(_ report: AttemptReport, _ runner: EndpointRunner) {
    runner.note(report)
    let isNews = !report.answer.isSuccess || report.state != "delivered"
    let room = isNews ? 2 * Self.reportsMax : Self.reportsMax
    guard runner.reportsInSecond < room else { return }
    runner.reportsInSecond += 1
    reports.append((runner.endpoint.id, report.json))
  }

  /// Now and then: asks how far the changes are, and tells how the endpoints are.
  private func look() {
    guard !isStopped else { return }
    pump()
    var now = WebhookStatus.Now()
    now.hasDuty = hasDuty
    now.endpoints = order.count
    now.underWay = transport?.count ?? 0
    now.owed = runners.values.reduce(0) { $0 + ($1.outbox?.owedChanges ?? 0) }
    let starts = watchedViews.map { source.start(of: $0)?.lsn.value }
    now.windowStart = starts.contains { $0 == nil } ? 0 : starts.compactMap { $0 }.max() ?? 0
    status.set(now)
    tellLosses()
    tellHealth()
  }

  private func tellLosses() {
    for (id, runner) in runners {
      for (lost, resumesAt) in runner.takeLosses() {
        status.resyncs.add()
        logger.warning(
          "webhook_position_gone",
          metadata: [
            "endpoint": "\(id)", "after": "\(lost)", "resumes_at": "\(resumesAt)",
          ])
      }
    }
  }

  private func tellHealth() {
    guard hasDuty else { return }
    var health: [(String, String)] = []
    for (id, runner) in runners {
      runner.reportsInSecond = 0
      let text = runner.healthJSON
      guard healthTold[id] != text else { continue }
      healthTold[id] = text
      health.append((id, text))
    }
    let told = reports
    reports.removeAll()
    guard !told.isEmpty || !health.isEmpty else { return }
    desk?.write({ [health] (tables) throws(PostgresError) in
      try tables.write(attempts: told, health: health)
    })
  }
}

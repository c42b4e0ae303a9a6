import Engine
import Runtime

/// One endpoint on the instance that delivers: what it is owed, and the bytes it is sent.
///
/// Belongs to the queue of ``Webhooks``.
final class EndpointRunner {
  private(set) var endpoint: WebhookEndpoint
  private(set) var url: WebhookURL?
  var outbox: Outbox<WebhookEvent>?
  private(set) var epoch: Epoch?
  /// Why nothing is read for it, if so.
  var trouble: String?
  private let schedule: AttemptSchedule
  let record: EndpointRecord
  private var currentLens: Lens?
  private var frozen: [Int: Message] = [:]
  /// Where to begin again once nothing is under way.
  var restart: Restart?
  var reading = Reading()
  var needsRecord = false
  private var clearsReplay = false
  var dropsExceptions = false
  private var parked: [ParkedDelivery] = []
  var counts = Counts()
  /// On the clock of the outbox, when its cursor was written last.
  var recordedAt: Int64 = 0
  var isRecording = false
  /// What went wrong last, and when nothing has since.
  private(set) var lastFailure: String?
  var reportsInSecond = 0

  struct Counts {
    var delivered = 0
    var failed = 0
    var parked = 0
    var resyncs = 0
  }

  /// What is sent, the same each time.
  struct Message {
    let id: String
    let body: [UInt8]
  }

  /// How the endpoint looks at one make of its view.
  struct Lens {
    let view: LiveView
    let filter: EventFilter
    let body: EventBody
  }

  enum Restart {
    case replay(after: Position)
    case newHistory(Position)
  }

  init(
    _ endpoint: WebhookEndpoint, _ record: EndpointRecord, schedule: AttemptSchedule,
    _ guardian: AddressGuard
  ) {
    self.endpoint = endpoint
    self.record = record
    self.schedule = schedule
    url = try? WebhookURL(endpoint.url, guardian)
    if let position = endpoint.replayAfter { restart = .replay(after: position) }
  }

  /// Takes over what was altered of the endpoint.
  func update(_ endpoint: WebhookEndpoint, _ guardian: AddressGuard) {
    if endpoint.filter != self.endpoint.filter { currentLens = nil }
    let isNewReplay = endpoint.replayAfter != self.endpoint.replayAfter
    self.endpoint = endpoint
    url = try? WebhookURL(endpoint.url, guardian)
    outbox?.setOptions(endpoint.options)
    if let position = endpoint.replayAfter, isNewReplay { restart = .replay(after: position) }
  }

  var isRunning: Bool { endpoint.isEnabled && url != nil && outbox != nil && restart == nil }

  // MARK: Beginning

  func begin(from cursor: Position) {
    needsRecord = record.cursor == nil
    let exceptions = record.exceptions.filter { $0.value.epoch == cursor.epoch }
    dropsExceptions = exceptions.count < record.exceptions.count
    makeOutbox(from: cursor, exceptions: exceptions.mapValues(\.lsn))
  }

  private func makeOutbox(from cursor: Position, exceptions: [[UInt8]: LSN] = [:]) {
    epoch = cursor.epoch
    frozen.removeAll()
    reading = Reading(term: reading.term + 1)
    outbox = Outbox(
      endpoint.options, schedule: schedule, from: cursor.lsn, exceptions: exceptions)
  }

  /// Begins again, once nothing is under way that could arrive behind its successor.
  func begunAgain(_ now: Int64) {
    guard let restart, let outbox, outbox.underWay == 0, !isRecording else { return }
    self.restart = nil
    dropsExceptions = true
    needsRecord = true
    switch restart {
    case .replay(let position):
      clearsReplay = true
      endpoint.replayAfter = nil
      makeOutbox(from: position)
    case .newHistory(let position):
      let lost = epoch.map { Position(epoch: $0, lsn: outbox.cursor) }
      makeOutbox(from: Position(epoch: position.epoch, lsn: LSN(position.lsn.value - 1)))
      needsRecord = false
      announce(lost ?? position, resumesAt: position, now)
    }
  }

  func lens(_ view: LiveView) -> Lens? {
    if let currentLens, currentLens.view === view { return currentLens }
    do throws(QueryFault) {
      let filter = try EventFilter(endpoint.filter.map { ($0.name, $0.value) }, view)
      let lens = Lens(view: view, filter: filter, body: EventBody(endpoint: endpoint.id, view))
      currentLens = lens
      return lens
    } catch {
      trouble = "its filter does not fit the view: \(error)"
      return nil
    }
  }

  // MARK: Sending

  /// The next request to make, and the number to report it by.
  func next(now: Int64) -> (number: Int, message: Message)? {
    guard isRunning, let sending = outbox?.next(now: now) else { return nil }
    if sending.isFrozen, let message = frozen[sending.number] { return (sending.number, message) }
    let message = message(sending.changes)
    frozen[sending.number] = message
    return (sending.number, message)
  }

  private func message(_ events: [WebhookEvent]) -> Message {
    let digests = events.flatMap { event in
      DeliveryIdentity.bytes(
        event.position, endpoint: endpoint.id, view: endpoint.view.description, key: event.key)
    }
    return Message(
      id: DeliveryIdentity.text(digest: Digest.sha256(digests)), body: bytes(of: events))
  }

  private func bytes(of events: [WebhookEvent]) -> [UInt8] {
    guard let lens = currentLens else {
      return EventBody.resync(endpoint: endpoint.id, view: endpoint.view, events)
    }
    let writer = writer(for: events, lens)
    return endpoint.template.write(events, writer) { self.dedupKey($0) }
  }

  /// An event keeps the make of the view that it happened to.
  private func writer(for events: [WebhookEvent], _ lens: Lens) -> EventBody {
    guard case .row(let change, _, _)? = events.last?.content, change.view !== lens.view else {
      return lens.body
    }
    return EventBody(endpoint: endpoint.id, change.view)
  }

  private func dedupKey(_ event: WebhookEvent) -> String {
    let bytes = Array("\(endpoint.id) \(endpoint.view) ".utf8) + event.key
    return HexText.encode(Digest.sha256(bytes).prefix(16))
  }

  func failures(of number: Int) -> Int { outbox?.failures(of: number) ?? 0 }

  func nextOutboxTime(now: Int64) -> Int64? {
    [outbox?.nextTime(now: now), nextReadingTime(now: now)].compactMap { $0 }.min()
  }

  /// Remembers what people ask for first.
  func note(_ report: AttemptReport) {
    lastFailure = report.answer.isSuccess ? nil : report.answer.summary
  }

  func finish(
    _ number: Int, _ outcome: SendingOutcome, failure: String, now: Int64,
    _ random: inout some RandomNumberGenerator
  ) -> Outbox<WebhookEvent>.Verdict {
    let verdict = outbox?.finish(number, outcome, now: now, &random) ?? .done
    switch (outcome, verdict) {
    case (.delivered, _):
      counts.delivered += 1
      frozen[number] = nil
    case (_, .parked):
      counts.parked += 1
      if let message = frozen.removeValue(forKey: number) {
        parked.append(ParkedDelivery(id: message.id, body: message.body, failure: failure))
      }
    case (.failed(let wasSent, _), _), (.cancelled(let wasSent), _):
      counts.failed += 1
      // What nobody saw may still become something newer.
      if !wasSent, endpoint.options.coalesces { frozen[number] = nil }
    }
    return verdict
  }

  // MARK: Recording

  /// A cursor that moved past what concerns nobody is written so often, in milliseconds.
  private static let idleRecordInterval: Int64 = 10_000

  func takeWrite(now: Int64) -> EndpointWrite? {
    guard !isRecording, let epoch, let outbox else { return nil }
    let isDue =
      needsRecord || outbox.hasProgress || !parked.isEmpty
      || (outbox.hasMoved && now - recordedAt >= Self.idleRecordInterval)
    guard isDue, restart == nil, let progress = self.outbox?.takeProgress() else { return nil }
    isRecording = true
    recordedAt = now
    return EndpointWrite(
      endpoint: endpoint.id, epoch: epoch, progress: progress, parked: parked,
      clearsReplay: clearsReplay, dropsExceptions: dropsExceptions)
  }

  func recorded(_ write: EndpointWrite, isDone: Bool) {
    isRecording = false
    guard isDone else {
      outbox?.progressFailed(write.progress)
      return
    }
    outbox?.recorded(write.progress)
    parked.removeFirst(write.parked.count)
    needsRecord = false
    if write.clearsReplay { clearsReplay = false }
    if write.dropsExceptions { dropsExceptions = false }
  }
}

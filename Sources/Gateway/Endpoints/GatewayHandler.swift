import Capture
import Durability
import Engine
import HTTPWire
import Holds
import Runtime
import Server
import Webhooks

/// Answers every request: finds the endpoint, enters the read gate, waits for a position where one is asked for.
final class GatewayHandler: RequestHandler {
  private let store: ViewStore
  private let operations: OperationsEndpoints
  private let clock: Clock
  private let hosts: AllowedHosts
  private let files: StaticFiles
  private let contractPage: ContractPage
  let permissions: Permissions
  let crossOrigins: CrossOrigins
  private let testEcho: TestEcho?
  private let availability: AvailabilityEndpoints
  private let holds: HoldEndpoints?
  private let history: HistoryEndpoint
  let scratch: [WorkerScratch]
  let push: PushHub
  private let webhooks: WebhookEndpoints
  private let requests = Counter()
  /// Tells capture that a reader waits for a position.
  private let positionIsAwaited: @Sendable () -> Void

  init(
    _ configuration: Configuration, store: ViewStore, window: ChangeWindow,
    status: CaptureStatus, desk: HoldDesk?, sampler: DriftSampler,
    availability watch: AvailabilityWatch, changeLog: ChangeLog?,
    webhooks: WebhookEndpoints, webhookStatus: WebhookStatus, accessLog: AccessLog?, clock: Clock,
    positionIsAwaited: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.webhooks = webhooks
    self.clock = clock
    files = configuration.staticFiles
    contractPage = ContractPage(folder: configuration.assets.map { "\($0)/openapi" })
    hosts = AllowedHosts(configuration.listen)
    permissions = Permissions(
      callers: configuration.callers, publicAccess: configuration.publicAccess)
    crossOrigins = configuration.crossOrigins
    testEcho = configuration.hasTestEcho ? TestEcho() : nil
    let availability = AvailabilityEndpoints(configuration.availability)
    self.availability = availability
    holds = desk.map { desk in
      HoldEndpoints(
        desk, configuration.holds ?? HoldSettings(), availability, store: store,
        workers: configuration.workers)
    }
    history = HistoryEndpoint(changeLog: changeLog)
    scratch = (0..<configuration.workers).map { _ in WorkerScratch() }
    push = PushHub(
      store: store, window: window, changeLog: changeLog, clock: clock,
      heartbeat: configuration.heartbeat, scratch: scratch,
      lag: { Int64(status.lagMicroseconds.value) * 1_000 },
      positionIsAwaited: positionIsAwaited)
    operations = OperationsEndpoints(
      store: store, status: status, push: push.counters, availability: watch, desk: desk,
      sampler: sampler, changeLog: changeLog?.status, webhooks: webhookStatus,
      accessLog: accessLog, clock: clock, requests: requests)
    self.positionIsAwaited = positionIsAwaited
  }

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    if context.attempt == 1 { requests.add() }
    crossOrigins.allow(request, &response)
    let route = Route(request.path)
    do throws(Refused) {
      if permissions.callers.isEmpty {
        guard hosts.allow(request.host) else {
          throw Refused(
            .hostNotAllowed, "use \(hosts.example); Onhand answers local names only")
        }
      }
      if let outcome = testEcho?.answer(request, &response) { return outcome }
      return try answer(route, request, &response, context)
    } catch {
      error.problem.write(error.detail, parameter: error.parameter, to: &response)
      addFields(of: error.problem, route, &response)
      return .respond
    }
  }

  /// What RFC 9110 wants beside a refusal's status.
  private func addFields(of problem: Problem, _ route: Route?, _ response: inout Response) {
    switch problem {
    case .methodNotAllowed: response.addField("Allow", Self.methods(of: route))
    case .tokenMissing: response.addField("WWW-Authenticate", "Bearer realm=\"onhand\"")
    case .tokenUnknown:
      response.addField(
        "WWW-Authenticate", "Bearer realm=\"onhand\", error=\"invalid_token\"")
    default: break
    }
    if problem.status == .serviceUnavailable || problem.status == .tooManyRequests {
      response.addField("Retry-After", "1")
    }
  }

  /// Of what is not below `/v1`, pages and operations, all is to be read only.
  private static func methods(of route: Route?) -> StaticString {
    route?.methods ?? "GET, HEAD, OPTIONS"
  }

  private func answer(
    _ route: Route?, _ request: borrowing Request, _ response: inout Response,
    _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    if request.method == .options {
      response.status = .noContent
      response.addField("Allow", Self.methods(of: route))
      crossOrigins.answerPreflight(request, methods: Self.methods(of: route), &response)
      return .respond
    }
    guard let route else {
      try answerPage(request, &response)
      return .respond
    }
    guard route.takes(request.method) else {
      throw Refused(.methodNotAllowed, "see Allow for those that are")
    }
    return try answer(route, request, &response, context)
  }

  /// Operations, the contract and the board.
  private func answerPage(_ request: borrowing Request, _ response: inout Response)
    throws(Refused)
  {
    guard request.method == .get || request.method == .head else {
      throw Refused(.methodNotAllowed, "only GET and HEAD are")
    }
    if request.path == "/metrics", !permissions.callers.isEmpty {
      try permissions.reader(of: request).require(.admin)
    }
    if operations.answer(request.path, &response) { return }
    if request.path == "/docs", let html = contractPage.html {
      response.mediaType = .html
      response.body.append(html)
      return EntityTag(of: response.body.view).answer(request, &response)
    }
    guard try files.answer(request, &response) else {
      throw Refused(.notFound, "see /openapi.yaml for what there is")
    }
  }

  private func answer(
    _ route: Route, _ request: borrowing Request, _ response: inout Response,
    _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    switch route {
    case .read(let route):
      return try answer(route, request, permissions.reader(of: request), &response, context)
    case .changes(let name):
      let reader = try permissions.reader(of: request)
      let parameters = try ReadParameters(request)
      try reader.require(.read)
      return try changes(name, reader, parameters, request, &response, context)
    case .live: return try openSocket(request, &response, context)
    case .holds(let route):
      return try answer(route, request, permissions.reader(of: request), &response, context)
    case .webhooks(let route):
      try permissions.reader(of: request).require(.admin)
      return try webhooks.answer(route, request, &response, context)
    }
  }

  // MARK: Reads

  private func answer(
    _ route: ReadRoute, _ request: borrowing Request, _ reader: Reader,
    _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    let parameters = try ReadParameters(request)
    if case .availability(let item, let place) = route,
      parameters.others.contains(where: { $0.name == "explain" && $0.value == "true" })
    {
      try reader.require(.admin)
      try parameters.refuseOthers(known: ["explain"])
      return try explain(item, at: place, parameters, &response, context)
    }
    try reader.require(.read)
    if let lsn = try missingPosition(parameters, context) {
      try check(route, request, reader, parameters, context)
      let deadline = context.began + parameters.wait
      guard try startWaiting(lsn, until: deadline, context) else { return .park(until: deadline) }
    }
    let worker = context.workerIndex
    let visible = store.gate.enter(worker)
    defer { store.gate.leave(worker) }
    try addPosition(visible, &response)
    let read = Read(
      visible: visible, reader: reader, parameters: parameters, scratch: scratch[worker])
    try answer(route, request, read, &response)
    return .respond
  }

  private func answer(
    _ route: HoldRoute, _ request: borrowing Request, _ reader: Reader,
    _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    try reader.require(.hold)
    return try requireHolds().answer(
      route, request, asked(reader.holdOwner, try ReadParameters(request), context), &response)
  }

  private func explain(
    _ item: ByteView, at place: ByteView?, _ parameters: ReadParameters,
    _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    try requireHolds().explain(item, at: place, asked("", parameters, context), &response)
  }

  private func requireHolds() throws(Refused) -> HoldEndpoints {
    guard let holds else {
      throw Refused(.holdsNotConfigured, "say holds: {} in the configuration")
    }
    return holds
  }

  private func asked(
    _ owner: String, _ parameters: ReadParameters, _ context: borrowing RequestContext
  ) -> HoldEndpoints.Asked {
    HoldEndpoints.Asked(
      owner: owner, parameters: parameters, scratch: scratch[context.workerIndex],
      cause: context.cause, id: context.request, now: context.now, waker: context.waker,
      worker: context.workerIndex)
  }

  private func answer(
    _ route: ReadRoute, _ request: borrowing Request, _ read: Read, _ response: inout Response
  ) throws(Refused) {
    switch route {
    case .views:
      try read.parameters.refuseOthers()
      ViewEndpoints.list(read, &response)
    case .view(let name):
      try read.parameters.refuseOthers()
      ViewEndpoints.show(try read.find(name), read, &response)
    case .rows(let name): try RowEndpoints.rows(try read.find(name), read, &response)
    case .row(let name, let key):
      try RowEndpoints.row(try read.find(name), key, request, read, &response)
    case .history(let name, let key):
      try history.answer(try read.find(name), key, read, &response)
    case .lookup(let name):
      try LookupEndpoint.answer(try read.find(name), request, read, &response)
    case .availability(let item, let place):
      try availability.one(item, at: place, request, read, &response)
    case .availabilityOfMany: try availability.many(request, read, &response)
    }
  }

  func addPosition(_ visible: ReadGate.Visible, _ response: inout Response) throws(Refused) {
    guard let position = visible.position else {
      throw Refused(.notReady, "the first snapshot is not complete; see /readyz")
    }
    response.addField("Onhand-Position") { field in
      field.append(position)
    }
    if let since = visible.staleSince {
      response.addField("Onhand-Stale") {
        $0.append(decimal: (self.clock.monotonic - since) / 1_000_000_000)
        $0.append("s")
      }
    }
  }

  // MARK: Reading one's own writes

  /// Refuses a request that is wrong whatever the rows are, before it waits for them.
  ///
  /// What it asks is held against the views as they are now: a position tells nothing of when they are compiled anew.
  private func check(
    _ route: ReadRoute, _ request: borrowing Request, _ reader: Reader,
    _ parameters: ReadParameters,
    _ context: borrowing RequestContext
  ) throws(Refused) {
    let worker = context.workerIndex
    let visible = store.gate.enter(worker)
    defer { store.gate.leave(worker) }
    guard visible.position != nil else { return }
    let read = Read(
      visible: visible, reader: reader, parameters: parameters, scratch: scratch[worker])
    switch route {
    case .views: try parameters.refuseOthers()
    case .view(let name):
      try parameters.refuseOthers()
      _ = try read.find(name)
    case .rows(let name): _ = try RowsQuery(parameters, try read.find(name), reader)
    case .row(let name, let key): _ = try RowEndpoints.question(try read.find(name), key, read)
    case .history(let name, let key): _ = try history.question(try read.find(name), key, read)
    case .lookup(let name): _ = try LookupEndpoint.question(try read.find(name), request, read)
    case .availability(let item, let place):
      _ = try availability.question(item, at: place, read)
    case .availabilityOfMany: _ = try availability.question(request, read)
    }
  }

  /// The position that the request must see and that is not visible yet; nil if there is none.
  func missingPosition(
    _ parameters: ReadParameters, _ context: borrowing RequestContext
  ) throws(Refused) -> LSN? {
    guard let wanted = parameters.minPosition else { return nil }
    let visible = store.gate.visible
    let lsn = try wanted.lsn(at: visible.position)
    if store.gate.hasReached(lsn, visible) { return nil }
    switch context.cause {
    case .deadlinePassed, .draining:
      throw Refused(
        .positionNotReached,
        "the views are at \(visible.position.map(String.init(describing:)) ?? "no position yet")")
    case .arrived, .woken: return lsn
    }
  }

  /// Whether the position was reached meanwhile; if not, the request will be woken when it is.
  func startWaiting(
    _ lsn: LSN, until deadline: ContinuousClock.Instant, _ context: borrowing RequestContext
  ) throws(Refused) -> Bool {
    let now = clock.monotonic
    let end = now + (deadline - context.now).nanoseconds
    let waker = context.waker
    switch store.gate.wait(for: lsn, now: now, deadline: end, wake: { waker.wake() }) {
    case .reached: return true
    case .waiting:
      positionIsAwaited()
      return false
    case .refused: throw Refused(.tooManyWaiting, "try again in a moment")
    }
  }
}

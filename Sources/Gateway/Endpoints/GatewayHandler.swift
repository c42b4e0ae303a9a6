import Capture
import Engine
import HTTPWire
import Runtime
import Server

/// Answers every request: finds the endpoint, enters the read gate, waits for a position where one is asked for.
final class GatewayHandler: RequestHandler {
  private let store: ViewStore
  private let operations: OperationsEndpoints
  private let clock: Clock
  private let hosts: AllowedHosts
  private let files: StaticFiles
  private let scratch: [WorkerScratch]
  private let requests = Counter()
  /// Tells capture that a reader waits for a position.
  private let positionIsAwaited: @Sendable () -> Void

  init(
    store: ViewStore, status: CaptureStatus, accessLog: AccessLog?, clock: Clock,
    hosts: AllowedHosts,
    files: StaticFiles, workers: Int, positionIsAwaited: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.clock = clock
    self.hosts = hosts
    self.files = files
    operations = OperationsEndpoints(
      store: store, status: status, accessLog: accessLog, clock: clock, requests: requests)
    scratch = (0..<workers).map { _ in WorkerScratch() }
    self.positionIsAwaited = positionIsAwaited
  }

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    if context.attempt == 1 { requests.add() }
    do throws(Refused) {
      guard hosts.allow(request.host) else {
        throw Refused(
          .hostNotAllowed, "use \(hosts.example); Onhand answers local names only")
      }
      return try route(request, &response, context)
    } catch {
      error.problem.write(error.detail, to: &response)
      if error.problem == .methodNotAllowed { response.addField("Allow", "GET, HEAD") }
      if error.problem.status == .serviceUnavailable { response.addField("Retry-After", "1") }
      return .respond
    }
  }

  private func route(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    switch request.method {
    case .get, .head: break
    case .post, .put, .patch, .delete, .options:
      throw Refused(.methodNotAllowed, "only GET and HEAD are")
    }
    var segments = PathSegments(request.path)
    guard let first = segments.next(), first == "v1" else {
      if operations.answer(request.path, &response) { return .respond }
      guard try files.answer(request, &response) else {
        throw Refused(.notFound, "see /openapi.yaml for what there is")
      }
      return .respond
    }
    guard let collection = segments.next(), collection == "views" else {
      throw Refused(.notFound, "see /openapi.yaml for what there is")
    }
    return try routeView(&segments, request, &response, context)
  }

  private func routeView(
    _ segments: inout PathSegments, _ request: borrowing Request, _ response: inout Response,
    _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    let name = segments.next()
    let resource = segments.next()
    let key = segments.next()
    guard segments.next() == nil, resource == nil || resource.map({ $0 == "rows" }) == true else {
      throw Refused(.notFound, "see /openapi.yaml for what there is")
    }
    let parameters = try ReadParameters(request, takesPages: resource != nil && key == nil)
    guard try isReached(parameters, context) else {
      return .park(until: context.now + parameters.wait)
    }
    let worker = context.workerIndex
    let visible = store.gate.enter(worker)
    defer { store.gate.leave(worker) }
    try addPosition(visible, &response)
    guard let name else {
      ViewEndpoints.list(visible, &response)
      return .respond
    }
    let view = try find(name, visible)
    switch (resource, key) {
    case (nil, _): ViewEndpoints.show(view, visible, &response)
    case (_, nil): try ViewEndpoints.rows(view, parameters, visible, &response)
    case (_, let key?):
      try ViewEndpoints.row(view, key, scratch[worker], visible, &response)
    }
    return .respond
  }

  private func find(_ name: ByteView, _ visible: ReadGate.Visible) throws(Refused) -> LiveView {
    if let view = visible.views.find(name.bytes) { return view }
    guard let decoded = name.percentDecoded(.path) else {
      throw Refused(.unknownView, "the name is not percent-encoded")
    }
    var text = decoded
    if let view = text.withUTF8({ visible.views.find(UnsafeRawBufferPointer($0)) }) { return view }
    let names = visible.views.views.map(\.name.description).joined(separator: ", ")
    throw Refused(.unknownView, "no view is called \"\(decoded)\"; served are \(names)")
  }

  private func addPosition(_ visible: ReadGate.Visible, _ response: inout Response) throws(Refused)
  {
    guard let position = visible.position else {
      throw Refused(.notReady, "the first snapshot is not complete; see /readyz")
    }
    response.addField("Onhand-Position") { field in
      field.append(position.epoch.id)
      field.append(":")
      field.append(lsn: position.lsn)
    }
    if let since = visible.staleSince {
      response.addField("Onhand-Stale") {
        $0.append(decimal: (self.clock.monotonic - since) / 1_000_000_000)
        $0.append("s")
      }
    }
  }

  // MARK: Reading one's own writes

  /// Whether what the request must see is visible; if not, it will be woken when it is.
  private func isReached(_ parameters: ReadParameters, _ context: borrowing RequestContext)
    throws(Refused) -> Bool
  {
    guard let wanted = parameters.minPosition else { return true }
    let visible = store.gate.visible
    let lsn: LSN
    switch wanted {
    case .lsn(let given): lsn = given
    case .position(let position):
      if let current = visible.position, current.epoch != position.epoch {
        throw Refused(
          .epochMismatch,
          "it is of epoch \(position.epoch), the database's history is now \(current.epoch); read anew"
        )
      }
      lsn = position.lsn
    }
    if store.gate.hasReached(lsn, visible) { return true }
    switch context.cause {
    case .deadlinePassed, .draining:
      throw Refused(
        .positionNotReached,
        "the views are at \(visible.position.map(String.init(describing:)) ?? "no position yet")")
    case .arrived, .woken: return try startWaiting(lsn, parameters.wait, context.waker)
    }
  }

  private func startWaiting(_ lsn: LSN, _ wait: Duration, _ waker: Waker) throws(Refused) -> Bool {
    let now = clock.monotonic
    let deadline = now + wait.nanoseconds
    switch store.gate.wait(for: lsn, now: now, deadline: deadline, wake: { waker.wake() }) {
    case .reached: return true
    case .waiting:
      positionIsAwaited()
      return false
    case .refused: throw Refused(.tooManyWaiting, "try again in a moment")
    }
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}

extension ByteBuffer {
  /// Appends an LSN as Postgres writes it.
  fileprivate mutating func append(lsn: LSN) {
    append(hex: UInt32(truncatingIfNeeded: lsn.value >> 32))
    append("/")
    append(hex: UInt32(truncatingIfNeeded: lsn.value))
  }

  private mutating func append(hex number: UInt32) {
    let digits: StaticString = "0123456789ABCDEF"
    var shift = max(0, (31 - number.leadingZeroBitCount) / 4 * 4)
    while shift >= 0 {
      append(digits.utf8Start[Int(number >> UInt32(shift) & 15)])
      shift -= 4
    }
  }
}

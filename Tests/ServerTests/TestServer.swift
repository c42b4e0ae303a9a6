import HTTPWire
import Server
import Synchronization

/// A handler made of a closure.
struct ClosureHandler: RequestHandler {
  typealias Body =
    @Sendable (borrowing Request, inout Response, borrowing RequestContext) -> Outcome

  let body: Body

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    body(request, &response, context)
  }
}

/// Answers with the method, target and body of the request.
let echo: ClosureHandler.Body = { request, response, _ in
  response.mediaType = .text
  response.body.append(request.method.name)
  response.body.append(" ")
  response.body.append(request.path)
  response.body.append(" ")
  response.body.append(request.body)
  return .respond
}

/// Answers with as many bytes as the query says.
let sized: ClosureHandler.Body = { request, response, _ in
  let count = request.query.decimal ?? 0
  for _ in 0..<count / 10 { response.body.append("0123456789") }
  for index in 0..<count % 10 { response.body.append(0x30 + UInt8(index)) }
  return .respond
}

func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

/// Runs `body` against a server, and drains it afterwards.
func withServer(
  workers: Int = 1, _ limits: ServerLimits = ServerLimits(),
  trustedProxies: TrustedProxies = TrustedProxies(), accessLog: AccessLog? = nil,
  _ handler: @escaping ClosureHandler.Body = echo, _ body: (Server) async throws -> Void
) async throws {
  let configuration = ServerConfiguration(
    workerCount: workers, limits: limits, trustedProxies: trustedProxies,
    accessLog: accessLog)
  try await withServer(configuration, ClosureHandler(body: handler), body)
}

/// Runs `body` against a server with any handler, and drains it afterwards.
func withServer(
  _ configuration: ServerConfiguration, _ handler: any RequestHandler,
  _ body: (Server) async throws -> Void
) async throws {
  let server = try Server(configuration, handler)
  do {
    try await body(server)
  } catch {
    _ = await drained(server)
    throw error
  }
  _ = await drained(server)
}

func drained(_ server: Server, within duration: Duration = .zero) async -> DrainReport {
  await withCheckedContinuation { continuation in
    server.drain(within: duration) { continuation.resume(returning: $0) }
  }
}

/// A drain that a test goes on beside. Its clients block, so it must not need a thread of theirs.
final class DrainWatch: Sendable {
  private let received = Mutex<DrainReport?>(nil)

  init(_ server: Server, within duration: Duration) {
    server.drain(within: duration) { report in self.received.withLock { $0 = report } }
  }

  /// What the drain came to.
  func report() async throws -> DrainReport? {
    _ = try await eventually { self.received.withLock { $0 != nil } }
    return received.withLock { $0 }
  }
}

/// Whether `condition` comes true before patience ends.
func eventually(_ condition: () -> Bool) async throws -> Bool {
  for _ in 0..<2_000 {
    if condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

/// Something requests wait for.
final class Gate: Sendable {
  private let state = Mutex<(isOpen: Bool, wakers: [Waker])>((false, []))

  var wakers: [Waker] { state.withLock { $0.wakers } }

  /// Whether it is open; if not, `waker` is woken when it opens.
  func isOpen(orWake waker: Waker) -> Bool {
    state.withLock { state in
      if !state.isOpen { state.wakers.append(waker) }
      return state.isOpen
    }
  }

  func open() {
    let wakers = state.withLock { state in
      state.isOpen = true
      return state.wakers
    }
    for waker in wakers { waker.wake() }
  }

  /// Parks requests for `/gate` until it is open, then tells the cause and count of the attempt;
  /// echoes the rest.
  func handler(parkedFor duration: Duration = .seconds(60)) -> ClosureHandler.Body {
    { [self] request, response, context in
      guard request.path == "/gate" else { return echo(request, &response, context) }
      guard context.cause == .deadlinePassed || isOpen(orWake: context.waker) else {
        response.body.append("dropped")
        return .park(until: context.now + duration)
      }
      response.body.append("\(context.cause) \(context.attempt) \(request.body.string)")
      return .respond
    }
  }
}

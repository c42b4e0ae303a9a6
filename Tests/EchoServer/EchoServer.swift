import Glibc
import HTTPWire
import Server

/// A server in a process of its own, so that tests can look at its memory and see whether it lives.
///
/// It prints its port and ends when its standard input does. An answer names the method and the target
/// in a field, and has no body. `/echo` is a WebSocket that says what it hears, `/broadcast` one that is told messages of 200
/// bytes, as many a second as the only argument says.
@main
struct EchoServer: RequestHandler {
  private let broadcast = Broadcast(workerCount: 1)

  static func main() throws {
    var configuration = ServerConfiguration()
    configuration.limits.headTime = .seconds(2)
    configuration.limits.bodyTime = .seconds(2)
    configuration.limits.connectionsMax = 65_536
    configuration.limits.connectionsPerAddressMax = nil
    let handler = EchoServer()
    let server = try Server(configuration, handler)
    print(server.port)
    fflush(nil)
    if let rate = CommandLine.arguments.dropFirst().first.flatMap({ UInt32($0) }) {
      handler.tell(rate, server)
    } else {
      while getchar() != EOF {}
    }
    // It runs until here.
    withExtendedLifetime(server) {}
  }

  /// Tells `rate` messages a second until the standard input ends.
  private func tell(_ rate: UInt32, _ server: Server) {
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    while poll(&input, 1, 0) == 0 {
      usleep(1_000_000 / rate)
      broadcast.next()
      server.signal()
    }
  }

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    if request.path == "/echo" { return open(request, EchoSession(), &response) }
    if request.path == "/broadcast" {
      return open(
        request, BroadcastSession(broadcast, worker: context.workerIndex), &response)
    }
    response.status = .noContent
    let (method, path, query) = (request.method, request.path, request.query)
    response.addField("X-Echo") { field in
      field.append(method.name)
      field.append(" ")
      field.append(path)
      guard !query.isEmpty else { return }
      field.append("?")
      field.append(query)
    }
    return .respond
  }

  func gatherReady(worker: Int, _ cause: GatherCause, _ ready: inout [SessionID]) {
    switch cause {
    case .signal: ready += broadcast.listeners[worker].ids
    case .tick: break
    }
  }

  private func open(
    _ request: borrowing Request, _ session: any Session, _ response: inout Response
  ) -> Outcome {
    do throws(HandshakeRefusal) {
      // Autobahn's cases 9.3.1 and 9.4.1 have 65,536 fragments and an empty one behind them.
      let limits = MessageLimits(messageBytesMax: 16_777_216, fragmentsMax: 65_537)
      return .webSocket(session, WebSocketOptions(try WebSocketHandshake(request), limits))
    } catch {
      response.refuse(handshake: error)
      return .respond
    }
  }
}

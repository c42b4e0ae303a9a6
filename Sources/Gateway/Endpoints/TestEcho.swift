import HTTPWire
import Server

/// A WebSocket that says what it hears, which suites that test the protocol talk to.
struct TestEcho: Sendable {
  /// What the suites send at most: Autobahn's cases 9.3.1 and 9.4.1 have 65,536 fragments and an empty one behind them.
  private static let limits = MessageLimits(messageBytesMax: 16_777_216, fragmentsMax: 65_537)

  /// Nil for another path.
  func answer(_ request: borrowing Request, _ response: inout Response) -> Outcome? {
    guard request.path == "/test/echo" else { return nil }
    do throws(HandshakeRefusal) {
      let handshake = try WebSocketHandshake(request)
      return .webSocket(EchoSession(), WebSocketOptions(handshake, Self.limits))
    } catch {
      response.refuse(handshake: error)
      return .respond
    }
  }
}

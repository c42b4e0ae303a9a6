import HTTPWire

/// How a WebSocket is to be spoken.
package struct WebSocketOptions: Sendable {
  package var handshake: WebSocketHandshake
  package var limits: MessageLimits

  package init(_ handshake: WebSocketHandshake, _ limits: MessageLimits = MessageLimits()) {
    self.handshake = handshake
    self.limits = limits
  }
}

import HTTPWire

/// A session as its connection keeps it.
final class OpenSession {
  let wire: Wire
  /// Nil once it has ended, while the connection still has bytes to exchange.
  @exclusivity(unchecked) private(set) var session: (any Session)?
  /// Whether it waits for a turn.
  @exclusivity(unchecked) var isQueued = false
  /// Whether it has written in the round of turns at hand, which is not sent yet.
  @exclusivity(unchecked) var hasWritten = false
  /// Whether it will be called back for what its client has sent and it has not taken.
  @exclusivity(unchecked) var isInputPosted = false
  /// Of messages, as sent.
  @exclusivity(unchecked) var sentBytes = 0
  /// What the access log will say of the request that began it; nil where there is none.
  let logEntry: SessionLogEntry?

  /// How messages are written.
  enum Wire {
    case webSocket(WebSocketWire)
    /// The chunks of a body.
    case chunks
    /// A body that ends with the connection.
    case bytes
  }

  init(_ session: any Session, _ wire: Wire, _ logEntry: SessionLogEntry?) {
    self.session = session
    self.wire = wire
    self.logEntry = logEntry
  }

  var webSocket: WebSocketWire? {
    guard case .webSocket(let socket) = wire else { return nil }
    return socket
  }

  var bufferedBytes: Int { webSocket?.decoder.bufferedBytes ?? 0 }

  /// The session, for telling it that it is over; nil when it has been told before.
  func takeSession() -> (any Session)? {
    defer { session = nil }
    return session
  }
}

/// The state of a WebSocket's bytes.
final class WebSocketWire {
  let deflate: DeflateAgreement?
  @exclusivity(unchecked) var decoder: MessageDecoder
  let limits: MessageLimits
  /// Whether our close frame is sent and the client's awaited.
  @exclusivity(unchecked) var isClosing = false

  init(_ options: WebSocketOptions) {
    limits = options.limits
    deflate = options.handshake.deflate
    decoder = MessageDecoder(options.limits, allowsCompression: deflate != nil)
  }
}

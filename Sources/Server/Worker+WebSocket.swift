import HTTPWire

extension Worker {
  /// What memory for messages may hold on to between events.
  private static let keptMessageBytesMax = 262_144
  /// What a client may say, inflated, before others have their turn: a kilobyte may stand for a megabyte to be looked at.
  private static let receivedBytesMax = 65_536
  /// What the shortest message or control frame counts as.
  private static let receivedBytesMin = 64

  /// Takes frames in `bytes`; returns those that wait for a turn, or until the client takes what it was told.
  func receive(
    _ connection: Connection, _ socket: WebSocketWire, _ bytes: UnsafeMutableRawBufferPointer
  ) -> Range<Int> {
    var position = 0
    var received = 0
    do throws(WebSocketFault) {
      while connection.phase == .session, !connection.hasOutput, received < Self.receivedBytesMax,
        let event = try socket.decoder.next(bytes, &position)
      {
        received += max(Self.receivedBytesMin, try take(event, connection, socket))
        if output.count >= Self.turnBytesMax { flush(connection) }
      }
    } catch {
      fail(connection, error.code, ByteView(error.reason))
    }
    flush(connection)
    return connection.phase == .session ? position..<bytes.count : 0..<0
  }

  /// Begins to end a WebSocket and waits for the client to agree.
  func closeWebSocket(_ connection: Connection, _ code: CloseCode, _ reason: StaticString) {
    output.append(closeFrame: code, reason: ByteView(reason))
    awaitCloseFrame(connection)
    flush(connection)
    settle(connection)
  }

  /// Ends a WebSocket whose client cannot be followed any further (RFC 6455 7.1.7).
  func fail(_ connection: Connection, _ code: CloseCode, _ reason: ByteView) {
    if !connection.isClosingSession { output.append(closeFrame: code, reason: reason) }
    finishSession(connection)
    flush(connection)
    settle(connection)
  }

  /// Ends the session whose close frame has been written; its connection waits for the client's.
  func awaitCloseFrame(_ connection: Connection) {
    connection.openSession?.webSocket?.isClosing = true
    endSession(connection)
  }

  /// - Returns: how many bytes had to be looked at.
  private func take(
    _ event: MessageDecoder.Event, _ connection: Connection, _ socket: WebSocketWire
  ) throws(WebSocketFault) -> Int {
    switch event {
    case .message(let message, let isText, let isCompressed):
      guard let session = connection.openSession?.session else { return 0 }
      var byteCount = message.count
      if isCompressed {
        let inflated = try inflate(message, isText, socket)
        byteCount = inflated.count
        session.receive(inflated, isText: isText)
        forgetInflated()
      } else {
        session.receive(message, isText: isText)
      }
      gatherMessages(connection)
      return byteCount
    case .ping(let payload):
      // RFC 6455 5.5.1: nothing is sent after a close frame.
      if !socket.isClosing { output.append(frame: .pong, payload) }
    case .pong:
      break
    case .close(let code):
      if !socket.isClosing { answerClose(code) }
      finishSession(connection)
    }
    return 0
  }

  private func inflate(
    _ message: ByteView, _ isText: Bool, _ socket: WebSocketWire
  ) throws(WebSocketFault) -> ByteView {
    if inflater == nil { inflater = RawInflate() }
    guard inflater != nil else { throw .deflateInvalid }
    inflated.removeAll()
    try inflater!.inflate(message, into: &inflated, bytesMax: socket.limits.messageBytesMax)
    guard !isText || UTF8Check.accepts(inflated.view) else { throw .textInvalid }
    return inflated.view
  }

  private func forgetInflated() {
    inflated.removeAll()
    if inflated.capacity > Self.keptMessageBytesMax { inflated.release() }
  }

  /// RFC 6455 5.5.1: with the code received, or none.
  private func answerClose(_ code: CloseCode?) {
    if let code {
      output.append(closeFrame: code, reason: ByteView(""))
    } else {
      output.append(frame: .close, ByteView(""))
    }
  }
}

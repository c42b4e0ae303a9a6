import CLinux
import Glibc
import HTTPWire

extension Worker {
  /// Answers `request` with 101; false, and a refusal in `response`, where the client has too many sessions.
  func openWebSocket(
    _ connection: Connection, _ request: borrowing Request, _ session: any Session,
    _ options: WebSocketOptions
  ) -> Bool {
    guard admitSession(connection, request) else { return false }
    response.accept(options.handshake)
    open(connection, request, session, .webSocket(WebSocketWire(options)), .known)
    return true
  }

  /// Answers `request` with the head in `response`, to which the session adds the body; false, and a refusal in `response`,
  /// where the client has too many sessions.
  func openStream(
    _ connection: Connection, _ request: borrowing Request, _ session: any Session
  ) -> Bool {
    response.body.removeAll()
    let (wire, length): (OpenSession.Wire, Response.Length) =
      switch request.version {
      case .http11: (.chunks, .chunked)
      case .http10: (.bytes, .untilClose)
      }
    guard request.method != .head else {
      finish(connection, request, length)
      return true
    }
    guard admitSession(connection, request) else { return false }
    open(connection, request, session, wire, length)
    return true
  }

  /// Goes on with what the client has sent, then with what it is to be told; nothing of a client's is unsent.
  func resumeSession(_ connection: Connection) {
    if !connection.hasOutput, !connection.input.isEmpty { receiveKept(connection) }
    takeTurn(connection)
    settle(connection)
  }

  /// Takes what has arrived in `scratch`.
  func receiveOfSession(_ connection: Connection) {
    guard connection.input.isEmpty else {
      connection.input.append(scratch.view)
      return resumeSession(connection)
    }
    let rest = receive(connection, scratch.mutableBytes)
    if !rest.isEmpty { connection.input.append(scratch.view[rest]) }
    postInput(connection)
    settle(connection)
  }

  /// Has what is left of a client's bytes taken after others have had their turn.
  private func postInput(_ connection: Connection) {
    guard connection.hasSessionInput, !connection.hasOutput, let open = connection.openSession,
      !open.isInputPosted
    else { return }
    open.isInputPosted = true
    let token = connection.token
    post { worker in
      guard let connection = worker.table[token], let open = connection.openSession else { return }
      open.isInputPosted = false
      worker.resumeSession(connection)
    }
  }

  /// Tells the session, if it has not been told, that it is over, and the access log.
  func endSession(_ connection: Connection) {
    guard let open = connection.openSession, let session = open.takeSession() else { return }
    session.end()
    if let entry = open.logEntry { requestLog?.end(entry, byteCount: open.sentBytes) }
  }

  /// Ends the connection once what is written is sent; what its client sends is not looked at any more.
  func finishSession(_ connection: Connection) {
    endSession(connection)
    connection.openSession = nil
    connection.phase = .closing
    connection.lingers = true
  }

  /// Ends a session on whose connection nothing has moved.
  func endIdle(_ connection: Connection) {
    guard connection.openSession?.webSocket != nil else { return close(connection) }
    closeWebSocket(connection, .goingAway, "nothing was heard or said for long")
  }

  /// Ends a session for whose bytes there is no memory.
  func endForMemory(_ connection: Connection) {
    connection.input.release()
    guard connection.openSession?.webSocket != nil else { return cut(connection) }
    fail(connection, .tryAgainLater, ByteView("the server has no memory left for the message"))
  }

  private func admitSession(_ connection: Connection, _ request: borrowing Request) -> Bool {
    guard !admitClient(connection, request) else { return true }
    response.refuse(ServerRefusal.parkedOfAddressTooMany)
    return false
  }

  private func open(
    _ connection: Connection, _ request: borrowing Request, _ session: any Session,
    _ wire: OpenSession.Wire, _ length: Response.Length
  ) {
    requestLog?.name(request, on: connection, in: &response)
    let isUpgrade = response.status == .switchingProtocols
    let framing = Response.Framing(
      version: request.version, keepsAlive: isUpgrade, omitsBody: false, length: length)
    response.encode(into: &output, framing, dateField: dateField.view)
    let entry = requestLog?.begin(request, on: connection, response.status)
    connection.openSession = OpenSession(session, wire, entry)
    connection.phase = .session
    // Before its head is sent: a client that is gone by then ends what has begun.
    session.begin(SessionID(worker: index, token: connection.token))
    if drain != nil { session.drain() }
    giveUpOnDeadPeer(connection)
  }

  /// Lets the kernel fail the connection once the client has acknowledged nothing for as long as one may be idle: what is
  /// sent to a computer that was switched off moves no byte, though the kernel takes it.
  private func giveUpOnDeadPeer(_ connection: Connection) {
    let milliseconds = Int32(clamping: Int64(waitTicks.session) * Int64(TickClock.tickMilliseconds))
    _ = clinux_set_option(
      connection.socket.descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
  }

  private func receiveKept(_ connection: Connection) {
    let rest = receive(connection, connection.input.mutableBytes)
    connection.input.keep(rest)
    if connection.input.isEmpty { connection.input.release() }
    postInput(connection)
  }

  /// Takes what the client has sent; returns what has to wait until it takes what it was told.
  private func receive(
    _ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer
  ) -> Range<Int> {
    // What is said while a body is sent is not answered any more: the connection ends with the body.
    guard let socket = connection.openSession?.webSocket else { return 0..<0 }
    return receive(connection, socket, bytes)
  }
}

extension Connection {
  /// Whether its WebSocket's end is agreed on as soon as the client's close frame comes.
  var isClosingSession: Bool { openSession?.webSocket?.isClosing ?? false }
  /// Whether its client is in the midst of a message.
  var isInMessage: Bool { openSession?.webSocket?.decoder.isInMessage ?? false }
}

import HTTPWire

/// The end, among the frames of a round, of what one session wrote.
struct WrittenTurn {
  let token: ConnectionToken
  let end: Int
}

extension Worker {
  /// Of messages that one session may write before others have their turn.
  static let turnBytesMax = 65_536
  /// Turns before other events have theirs; a turn of a short message takes some microseconds.
  private static let turnsMax = 128
  /// Of messages, in the turns before other events have theirs.
  private static let roundBytesMax = 1_048_576
  /// What memory for messages, and for their frames, may hold on to between turns.
  private static let keptMessageBytesMax = 262_144

  /// Asks for sessions that have something to tell, soon; from any thread.
  nonisolated func signal() {
    guard !isSignaled.exchange(true, ordering: .acquiringAndReleasing) else { return }
    post { worker in
      // Lowered first: what is told later is another signal.
      worker.isSignaled.store(false, ordering: .sequentiallyConsistent)
      worker.gather(.signal)
    }
  }

  /// Gives a turn to each session that has something to tell.
  func gather(_ cause: GatherCause) {
    readySessions.removeAll(keepingCapacity: true)
    handler.gatherReady(worker: index, cause, &readySessions)
    for id in readySessions where id.worker == index { turns.append(id.token) }
    runTurns()
  }

  /// Lets a session have a turn after the others that wait for one.
  func queueTurn(_ connection: Connection) {
    guard connection.phase == .session, let open = connection.openSession, !open.isQueued else {
      return
    }
    open.isQueued = true
    turns.append(connection.token)
    postTurns()
  }

  /// Sends messages of a session, if the client has taken those before.
  func takeTurn(_ connection: Connection) {
    guard connection.phase == .session, !connection.hasOutput else { return }
    gatherMessages(connection)
    guard !output.isEmpty else { return }
    flush(connection)
    settle(connection)
  }

  /// Appends messages of a session to `output`, until it has none or enough are there; it then waits for another turn.
  func gatherMessages(_ connection: Connection) {
    guard let open = connection.openSession else { return }
    let end = output.count + Self.turnBytesMax
    while let session = open.session {
      guard output.count < end else { return queueTurn(connection) }
      message.removeAll()
      switch session.produce(&message) {
      case .text: write(.text, open)
      case .lastText: return write(.text, open)
      case .binary: write(.binary, open)
      case .nothing: return
      case .close(let code): writeEnd(code, connection, open)
      }
    }
  }

  private func postTurns() {
    guard !isTurnPosted else { return }
    isTurnPosted = true
    post { worker in
      worker.isTurnPosted = false
      worker.runTurns()
    }
  }

  /// Lets some of those that wait have their turns: first all write, then all is sent.
  ///
  /// One after the other, each send would wake a client that has had time to fall asleep since the one before.
  private func runTurns() {
    writeTurns()
    sendTurns()
    if message.capacity > Self.keptMessageBytesMax { message.release() }
    if !turns.isEmpty { postTurns() }
  }

  private func writeTurns() {
    guard !turns.isEmpty else { return }
    handler.roundBegins(worker: index)
    defer { handler.roundEnds(worker: index) }
    for _ in 0..<min(turns.count, Self.turnsMax) where output.count < Self.roundBytesMax {
      guard let token = turns.popFirst() else { break }
      guard let connection = table[token], let open = connection.openSession else { continue }
      guard !open.hasWritten else {
        // It may be both ready and in the middle of much. What it wrote is to be sent before it writes on.
        turns.append(token)
        continue
      }
      open.isQueued = false
      guard connection.phase == .session else { continue }
      guard !connection.hasOutput else {
        if open.session?.mustEnd == true { cut(connection) }
        continue
      }
      let start = output.count
      gatherMessages(connection)
      if output.count > start || connection.phase != .session {
        open.hasWritten = true
        writtenTurns.append(WrittenTurn(token: token, end: output.count))
      }
    }
    // What is sent may end connections, which write their ends to `output`.
    swap(&output, &turnOutput)
  }

  private func sendTurns() {
    var start = 0
    for turn in writtenTurns {
      let bytes = turnOutput.view[start..<turn.end]
      start = turn.end
      guard let connection = table[turn.token] else { continue }
      connection.openSession?.hasWritten = false
      if !bytes.isEmpty, case .failed = connection.send(bytes) {
        close(connection)
      } else {
        settleTurn(connection)
      }
    }
    writtenTurns.removeAll(keepingCapacity: true)
    turnOutput.removeAll()
    if turnOutput.capacity > Self.keptMessageBytesMax { turnOutput.release() }
  }

  /// Leaves a connection whose session goes on and whose client has taken everything at less cost than another.
  private func settleTurn(_ connection: Connection) {
    guard connection.wait == .session, !connection.hasOutput, connection.openSession?.session != nil
    else { return settle(connection) }
    setDeadline(connection, .session)
  }

  private func write(_ opcode: FrameOpcode, _ open: OpenSession) {
    let before = output.count
    switch open.wire {
    case .webSocket(let socket):
      if let deflate = socket.deflate {
        compressedMessages.append(
          opcode, message.view, windowBits: deflate.serverWindowBits ?? 15, to: &output)
      } else {
        output.append(frame: opcode, message.view)
      }
    case .chunks:
      // An empty chunk would be the last.
      if !message.isEmpty { output.append(chunk: message.view) }
    case .bytes:
      output.append(message.view)
    }
    open.sentBytes += output.count - before
  }

  private func writeEnd(_ code: CloseCode, _ connection: Connection, _ open: OpenSession) {
    switch open.wire {
    case .webSocket:
      output.append(closeFrame: code, reason: message.view)
      return awaitCloseFrame(connection)
    case .chunks:
      output.appendLastChunk()
    case .bytes:
      break
    }
    finishSession(connection)
  }
}

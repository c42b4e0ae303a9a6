import Glibc
import HTTPWire

extension Worker {
  /// Leaves `connection` until its next event, when everything that could be done for it has been.
  func settle(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    if !connection.hasOutput, connection.phase == .closing {
      guard connection.lingers else { return close(connection) }
      linger(connection)
    }
    guard countBytes(connection) else { return }
    let wait = wait(of: connection)
    if wait == .idle, drain != nil { return close(connection) }
    setDeadline(connection, wait)
    setInterest(connection, wait)
  }

  /// Moves time on and ends the waits that it ends.
  func advanceTime() {
    tick = clock.tick(at: .now)
    updateDate()
    for connection in table.expired(at: tick) { expire(connection) }
    drainDueSessions()
    cutOverdueDrain()
    gather(.tick)
  }

  private func expire(_ connection: Connection) {
    switch connection.wait {
    case .idle, .linger:
      close(connection)
    case .head, .body:
      refuse(connection, .requestTimeout)
    case .parked:
      retry(connection, .deadlinePassed)
    case .output, .sessionOutput, .closeFrame:
      cut(connection)
    case .session:
      endIdle(connection)
    case .sessionMessage:
      fail(connection, .policyViolation, ByteView("a message took too long"))
    case .compressor, .sessionInput:
      break
    }
  }

  /// Refuses for a reason that lies outside of the request, whatever it may be in the middle of.
  private func refuse(_ connection: Connection, _ refusal: ServerRefusal) {
    refuse(connection, refusal, of: connection.input.bytes)
    connection.input.release()
    flush(connection)
    settle(connection)
  }

  /// Counts what is kept for `connection`; false when that was too much and it has been ended.
  private func countBytes(_ connection: Connection) -> Bool {
    let bytes = connection.bufferedBytes
    guard bytes != connection.countedBytes else { return true }
    let grows = bytes > connection.countedBytes
    bufferedBytes += bytes - connection.countedBytes
    connection.countedBytes = bytes
    guard grows, bufferedBytes > bufferedBytesMax else { return true }
    guard !connection.hasOutput else {
      cut(connection)
      return false
    }
    switch connection.phase {
    case .receiving, .parked, .compressing: refuse(connection, .serverBusy)
    case .session: endForMemory(connection)
    case .closing, .lingering, .closed: cut(connection)
    }
    return false
  }

  private func wait(of connection: Connection) -> Connection.Wait {
    if connection.hasOutput { return connection.phase == .session ? .sessionOutput : .output }
    switch connection.phase {
    case .session where connection.isClosingSession: return .closeFrame
    case .session where connection.hasSessionInput: return .sessionInput
    case .session: return connection.isInMessage ? .sessionMessage : .session
    case .parked: return .parked
    case .compressing: return .compressor
    case .lingering: return .linger
    case .receiving, .closing, .closed:
      guard !connection.input.isEmpty else { return .idle }
      switch connection.decoder.awaited {
      case .head: return .head
      case .body: return .body
      }
    }
  }

  /// Sets the deadline of what is waited for. A wait that goes on keeps its own: bytes that trickle
  /// in do not move it.
  func setDeadline(_ connection: Connection, _ wait: Connection.Wait) {
    guard wait != connection.wait || wait == .idle || wait == .parked || wait == .session else {
      return
    }
    connection.wait = wait
    table.setDeadline(deadline(connection, wait), of: connection)
  }

  private func deadline(_ connection: Connection, _ wait: Connection.Wait) -> Tick {
    switch wait {
    case .idle: return tick.after(waitTicks.idle)
    case .head: return tick.after(waitTicks.head)
    case .body: return tick.after(waitTicks.body)
    case .output: return tick.after(waitTicks.output)
    case .linger: return tick.after(waitTicks.linger)
    case .session, .sessionOutput: return tick.after(waitTicks.session)
    case .sessionMessage: return tick.after(waitTicks.body)
    case .closeFrame: return tick.after(waitTicks.close)
    case .compressor, .sessionInput: return .never
    case .parked:
      guard case .parked(let deadline) = connection.phase else { return .never }
      return deadline
    }
  }

  private func setInterest(_ connection: Connection, _ wait: Connection.Wait) {
    let interest: EventPoll.Interest =
      switch wait {
      case .idle, .head, .body, .linger, .session, .sessionMessage, .closeFrame: .readable
      case .output, .sessionOutput: .writable
      case .parked: .peerClosed
      case .compressor, .sessionInput: .failureOnly
      }
    guard interest != connection.interest else { return }
    connection.interest = interest
    poll.change(connection.socket.descriptor, to: interest, connection.token)
  }

  private func updateDate() {
    let seconds = Int64(time(nil))
    guard seconds != dateSeconds else { return }
    dateSeconds = seconds
    dateField.removeAll()
    dateField.append("Date: ")
    dateField.append(httpDate: seconds)
    dateField.append("\r\n")
  }
}

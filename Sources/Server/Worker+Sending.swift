import CLinux
import Glibc
import HTTPWire

extension Worker {
  /// What `output` may hold on to between events.
  private static let keptOutputBytesMax = 262_144

  /// Sends the answers gathered for `connection`.
  func flush(_ connection: Connection) {
    guard !output.isEmpty else { return }
    if case .failed = connection.send(output.view) { close(connection) }
    output.removeAll()
    if output.capacity > Self.keptOutputBytesMax { output.release() }
  }

  /// Sends what the client had not taken, and goes on with its requests once it has.
  func resumeSending(_ connection: Connection) {
    if case .failed = connection.sendOutput() { return close(connection) }
    let takenBytesMin = connection.phase == .session ? 1 : limits.writeStallBytesMin
    if connection.takenBytes >= takenBytesMin {
      // Starts the time for the rest anew.
      connection.takenBytes = 0
      connection.wait = .idle
    }
    if !connection.hasOutput, connection.phase == .session {
      resumeSession(connection)
    } else if !connection.hasOutput, connection.phase == .receiving, !connection.input.isEmpty {
      serveInput(connection, .arrived)
    } else {
      settle(connection)
    }
  }

  /// Tells the client that nothing more comes and waits for it to see that.
  ///
  /// RFC 9112 9.6: closing while the client still sends resets the connection, and the reset may
  /// overtake the answer.
  func linger(_ connection: Connection) {
    connection.phase = .lingering
    connection.input.release()
    shutdown(connection.socket.descriptor, Int32(SHUT_WR))
  }

  /// Ends a connection whose client does not take what it asked for, with all that the kernel holds
  /// for it.
  func cut(_ connection: Connection) {
    _ = clinux_reset_on_close(connection.socket.descriptor)
    close(connection)
  }
}

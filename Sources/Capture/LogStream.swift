import PGOutput

/// A replication stream: bytes from the log in, positions back.
///
/// Made by ``Bootstrap``, which leaves the server ready to send; owned by ``Capture``.
final class LogStream {
  private let connection: PostgresConnection

  init(_ connection: PostgresConnection) { self.connection = connection }

  var socket: Int32 { connection.socket }

  /// Takes what has arrived and passes each message to `body`, at most `messagesMax`.
  ///
  /// - Returns: how many it took; with `messagesMax` of them more may be at hand.
  func read(messagesMax: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
    try connection.consume()
    for taken in 0..<messagesMax {
      switch try connection.readCopy(waits: false, body) {
      case .data: continue
      case .wouldBlock: return taken
      case .ended:
        // The server's reason, if it gave one.
        _ = try connection.rows()
        throw PostgresError(.connection, "the server ended the replication stream")
      }
    }
    return messagesMax
  }

  /// Waits for something to arrive.
  ///
  /// - Returns: whether it did in so many milliseconds.
  func hasNews(within milliseconds: Int32) throws -> Bool {
    try connection.poll(milliseconds: milliseconds)
  }

  /// Tells the server how far we are.
  ///
  /// - Parameters:
  ///   - position: what was received.
  ///   - kept: what may be forgotten there.
  ///   - now: microseconds since 2000-01-01 UTC.
  ///   - wantsReply: asks for a keepalive, which tells where the log ends.
  func send(position: UInt64, kept: UInt64, now: Int64, wantsReply: Bool) throws {
    try connection.sendCopy(
      StreamMessage.statusUpdate(
        received: position, flushed: kept, applied: kept, now: now,
        wantsReply: wantsReply))
  }
}

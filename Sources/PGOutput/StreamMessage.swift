/// What the server sends inside a replication stream's CopyData.
///
/// https://www.postgresql.org/docs/current/protocol-replication.html
package enum StreamMessage {
  /// A piece of the log: the cursor is at the pgoutput message.
  case data(start: UInt64, serverEnd: UInt64)
  /// The server has sent everything up to `serverEnd`.
  case keepalive(serverEnd: UInt64, wantsReply: Bool)

  package init(_ cursor: inout Cursor) throws(DecodeError) {
    switch try cursor.integer(UInt8.self) {
    case UInt8(ascii: "w"):
      self = .data(
        start: try cursor.integer(UInt64.self), serverEnd: try cursor.integer(UInt64.self))
      _ = try cursor.integer(Int64.self)
    case UInt8(ascii: "k"):
      let end = try cursor.integer(UInt64.self)
      _ = try cursor.integer(Int64.self)
      self = .keepalive(serverEnd: end, wantsReply: try cursor.integer(UInt8.self) != 0)
    default: throw DecodeError(offset: 0, expected: "w or k")
    }
  }

  /// A standby status update: what was received, made durable and applied.
  ///
  /// - Parameter now: microseconds since 2000-01-01 UTC.
  package static func statusUpdate(
    received: UInt64, flushed: UInt64, applied: UInt64, now: Int64, wantsReply: Bool
  ) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(ascii: "r")]
    for value in [received, flushed, applied, UInt64(bitPattern: now)] {
      withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
    bytes.append(wantsReply ? 1 : 0)
    return bytes
  }
}

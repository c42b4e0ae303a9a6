import Engine
import HTTPWire

extension ByteBuffer {
  /// Appends a position as clients give it back.
  mutating func append(_ position: Position) {
    append(position.epoch.id)
    append(":")
    append(lsn: position.lsn)
  }

  mutating func appendJSON(_ position: Position?) {
    guard let position else { return append("null") }
    append("\"")
    append(position)
    append("\"")
  }

  /// Appends an LSN as Postgres writes it.
  private mutating func append(lsn: LSN) {
    append(hex: UInt32(truncatingIfNeeded: lsn.value >> 32))
    append("/")
    append(hex: UInt32(truncatingIfNeeded: lsn.value))
  }

  private mutating func append(hex number: UInt32) {
    let digits: StaticString = "0123456789ABCDEF"
    var shift = max(0, (31 - number.leadingZeroBitCount) / 4 * 4)
    while shift >= 0 {
      append(digits.utf8Start[Int(number >> UInt32(shift) & 15)])
      shift -= 4
    }
  }
}

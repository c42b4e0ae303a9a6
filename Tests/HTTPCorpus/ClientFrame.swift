/// A frame as a client sends it, or as none should.
package struct ClientFrame: Sendable {
  package var opcode: UInt8
  package var payload: [UInt8]
  package var isFinal = true
  /// The three bits behind the first, the highest of them RSV1.
  package var reserved: UInt8 = 0
  /// Nil for none.
  package var mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
  /// How many bytes are used for the length beside the seven bits; nil for the fewest.
  package var lengthBytes: Int?
  /// What the header says, where that is not so.
  package var claimedBytes: UInt64?

  package init(
    _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0
  ) {
    self.opcode = opcode
    self.payload = payload
    self.isFinal = isFinal
    self.reserved = reserved
  }

  package init(text: String, isFinal: Bool = true) {
    self.init(1, Array(text.utf8), isFinal: isFinal)
  }

  package static func close(_ code: UInt16, _ reason: String = "") -> ClientFrame {
    ClientFrame(8, [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8))
  }

  package var bytes: [UInt8] {
    let length = claimedBytes ?? UInt64(payload.count)
    let lengthBytes = lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8)
    let short = lengthBytes == 0 ? UInt8(truncatingIfNeeded: length) : lengthBytes == 2 ? 126 : 127
    var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode, (mask == nil ? 0 : 0x80) | short]
    for index in (0..<lengthBytes).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(index * 8)))
    }
    guard let mask else { return bytes + payload }
    return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
  }
}

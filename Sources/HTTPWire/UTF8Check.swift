/// Checks that bytes are UTF-8, as they come, and stops at the first that cannot be (RFC 3629 4).
package struct UTF8Check: Sendable {
  /// Continuation bytes that the character begun still needs.
  private var missing = 0
  /// What the next of them may be: the first of a character excludes surrogates, what is above U+10FFFF, and longer
  /// spellings than needed.
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  package init() {}

  /// Whether the text may end here.
  package var isAtBoundary: Bool { missing == 0 }

  package static func accepts(_ text: ByteView) -> Bool {
    var check = UTF8Check()
    return check.accept(text.bytes) && check.isAtBoundary
  }

  /// Whether the text may go on with `bytes`; nothing may follow them if not.
  package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while position < bytes.count {
      if missing == 0 {
        position = Self.skipASCII(bytes, from: position)
        guard position < bytes.count else { return true }
        guard begin(bytes[position]) else { return false }
      } else {
        guard lowest...highest ~= bytes[position] else { return false }
        missing &-= 1
        (lowest, highest) = (0x80, 0xBF)
      }
      position &+= 1
    }
    return true
  }

  private mutating func begin(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x00...0x7F: return true
    case 0xC2...0xDF: missing = 1
    case 0xE0: (missing, lowest) = (2, 0xA0)
    case 0xED: (missing, highest) = (2, 0x9F)
    case 0xE1...0xEF: missing = 2
    case 0xF0: (missing, lowest) = (3, 0x90)
    case 0xF1...0xF3: missing = 3
    case 0xF4: (missing, highest) = (3, 0x8F)
    default: return false
    }
    return true
  }

  private static func skipASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var position = start
    while position &+ 8 <= bytes.count,
      bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self) & highBits == 0
    {
      position &+= 8
    }
    while position < bytes.count, bytes[position] < 0x80 { position &+= 1 }
    return position
  }
}

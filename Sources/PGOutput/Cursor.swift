/// Bytes of a message that lie about their length or kind.
package struct DecodeError: Error, Equatable, Sendable {
  /// Where in the message.
  package let offset: Int
  package let expected: String

  package init(offset: Int, expected: String) {
    self.offset = offset
    self.expected = expected
  }
}

/// A place in a message, reading big-endian fields in order and never past the end.
package struct Cursor {
  private let bytes: UnsafeRawBufferPointer
  package private(set) var offset = 0

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package var remaining: Int { bytes.count - offset }

  @inline(__always)
  package mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type)
    throws(DecodeError) -> Integer
  {
    let size = MemoryLayout<Integer>.size
    guard remaining >= size else { throw DecodeError(offset: offset, expected: "\(size) bytes") }
    defer { offset += size }
    return Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }

  @inline(__always)
  package mutating func take(_ count: Int) throws(DecodeError) -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else {
      throw DecodeError(offset: offset, expected: "\(count) bytes")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  /// A string that ends with a zero byte.
  package mutating func string() throws(DecodeError) -> String {
    guard let end = bytes[offset...].firstIndex(of: 0) else {
      throw DecodeError(offset: offset, expected: "a terminated string")
    }
    defer { offset = end + 1 }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }
}

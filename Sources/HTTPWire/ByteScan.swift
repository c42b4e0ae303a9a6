/// Searches that look at eight bytes a step.
///
/// Each test marks the high bit of the bytes it is true for. A borrow may also mark bytes above the
/// first marked one, never below it, so only the lowest mark is read ("Bit Twiddling Hacks",
/// haszero, hasless).
enum ByteScan {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// The first index in `start..<end` of `byte`, or `end`.
  static func index(
    of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
  ) -> Int {
    let pattern = ones &* UInt64(byte)
    return index(in: bytes, from: start, to: end) { zeros(in: $0 ^ pattern) }
  }

  /// The first index in `start..<end` of a control byte (below 0x20, or DEL), or `end`.
  static func indexOfControl(
    in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
  ) -> Int {
    index(in: bytes, from: start, to: end) { word in
      below(0x20, in: word) | zeros(in: word ^ (ones &* 0x7F))
    }
  }

  /// The first index in `start..<end` of a byte no request target holds, or `end`.
  ///
  /// RFC 3986 allows less than this lets pass (all printable ASCII but `#`). Browsers send more
  /// than RFC 3986 has, and none of it changes where a target ends.
  static func indexOfTargetEnd(
    in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
  ) -> Int {
    index(in: bytes, from: start, to: end) { word in
      below(0x21, in: word) | (word & highs) | zeros(in: word ^ (ones &* 0x7F))
        | zeros(in: word ^ (ones &* 0x23))
    }
  }

  @inline(__always)
  private static func index(
    in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int,
    _ marks: (UInt64) -> UInt64
  ) -> Int {
    var position = start
    while position + 8 <= end {
      let word = UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let marked = marks(word)
      if marked != 0 { return position + marked.trailingZeroBitCount / 8 }
      position += 8
    }
    while position < end {
      if marks(UInt64(bytes[position])) & 0x80 != 0 { return position }
      position += 1
    }
    return end
  }

  @inline(__always)
  private static func zeros(in word: UInt64) -> UInt64 {
    (word &- ones) & ~word & highs
  }

  @inline(__always)
  private static func below(_ bound: UInt8, in word: UInt64) -> UInt64 {
    (word &- (ones &* UInt64(bound))) & ~word & highs
  }
}

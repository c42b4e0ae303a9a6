/// A cursor over ASCII text, from which the input functions of the types read.
///
/// A `scan` function that returns nil or false leaves the cursor where it stood, unless it says
/// otherwise.
struct TextScanner {
  let bytes: UnsafeRawBufferPointer
  private(set) var index: Int
  private let end: Int

  /// Starts after leading white space and ends before trailing white space, which every input
  /// function ignores.
  init(trimming bytes: UnsafeRawBufferPointer) {
    var start = 0
    var end = bytes.count
    while start < end, Self.isSpace(bytes[start]) { start += 1 }
    while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
    self.bytes = bytes
    self.index = start
    self.end = end
  }

  var isAtEnd: Bool { index == end }

  var peeked: UInt8? { index < end ? bytes[index] : nil }

  /// What has not been read.
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[index..<end]) }

  mutating func scan(_ character: Unicode.Scalar) -> Bool {
    guard peeked == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  /// Reads `word`, which is in lower case, in any case.
  mutating func scan(word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard end - index >= count else { return false }
    for offset in 0..<count where Self.lowercased(bytes[index + offset]) != word.utf8Start[offset] {
      return false
    }
    index += count
    return true
  }

  /// Reads one decimal digit.
  mutating func scanDigit() -> Int? {
    guard let byte = peeked, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
      return nil
    }
    index += 1
    return Int(byte - UInt8(ascii: "0"))
  }

  mutating func scanHexDigit() -> Int? {
    if let digit = scanDigit() { return digit }
    guard let letter = peeked.map(Self.lowercased) else { return nil }
    guard letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "f") else { return nil }
    index += 1
    return Int(letter - UInt8(ascii: "a")) + 10
  }

  /// Reads an optional sign; true for a minus.
  mutating func scanSign() -> Bool {
    if scan("-") { return true }
    _ = scan("+")
    return false
  }

  static func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (byte >= 0x09 && byte <= 0x0d)
  }
}

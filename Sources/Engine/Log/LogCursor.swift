/// Bytes of the log or a checkpoint that are not what they should be.
package struct LogDamage: Error, Equatable, CustomStringConvertible {
  /// From the start of what was read.
  package let offset: Int
  package let expected: String

  package init(offset: Int, expected: String) {
    self.offset = offset
    self.expected = expected
  }

  package var description: String { "expected \(expected) at byte \(offset)" }
}

/// Reads what ``LogBytes`` wrote, front to back; never beyond the end.
struct LogCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(LogDamage) -> Integer {
    let start = try take(MemoryLayout<Integer>.size)
    return Integer(littleEndian: start.loadUnaligned(as: Integer.self))
  }

  /// As many bytes as the 32 bits before them say.
  mutating func block() throws(LogDamage) -> UnsafeRawBufferPointer {
    let count = Int(try integer(UInt32.self))
    guard count <= bytes.count - offset else { throw damage("\(count) more bytes") }
    return try take(count)
  }

  /// A row: never empty.
  mutating func row() throws(LogDamage) -> RowRef {
    let block = try block()
    guard let base = block.baseAddress, !block.isEmpty else { throw damage("a row") }
    return RowRef(base: base, count: block.count)
  }

  mutating func text() throws(LogDamage) -> String {
    let block = try block()
    guard let text = String(validating: block, as: UTF8.self) else { throw damage("UTF-8") }
    return text
  }

  /// How many things follow, each of at least so many bytes: what is made room for is bounded by what is there.
  mutating func count(bytesEach: Int) throws(LogDamage) -> Int {
    let count = Int(try integer(UInt32.self))
    guard count <= (bytes.count - offset) / bytesEach else { throw damage("\(count) entries") }
    return count
  }

  mutating func expectEnd() throws(LogDamage) {
    guard isAtEnd else { throw damage("the end") }
  }

  func damage(_ expected: String) -> LogDamage { LogDamage(offset: offset, expected: expected) }

  private mutating func take(_ count: Int) throws(LogDamage) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - offset else { throw damage("\(count) more bytes") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }
}

/// Appends what ``LogCursor`` reads: integers with their low byte first, whatever the machine.
extension [UInt8] {
  mutating func append(integer value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  mutating func append(block bytes: UnsafeRawBufferPointer) {
    append(integer: UInt32(bytes.count))
    append(contentsOf: bytes)
  }

  mutating func append(block text: String) {
    var text = text
    text.withUTF8 { append(block: UnsafeRawBufferPointer($0)) }
  }

  /// Overwrites what was appended before.
  mutating func put(integer value: some FixedWidthInteger, at offset: Int) {
    Swift.withUnsafeBytes(of: value.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
    }
  }
}

/// A borrowed run of bytes, valid only until its owner changes or goes.
///
/// It is not `Sendable`: what has to outlive the call or cross a queue is copied, as `string` does.
package struct ByteView {
  package let bytes: UnsafeRawBufferPointer

  @inlinable
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  @inlinable
  package init(_ literal: StaticString) {
    self.init(
      UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  @inlinable package var count: Int { bytes.count }
  @inlinable package var isEmpty: Bool { bytes.isEmpty }

  @inlinable
  package subscript(index: Int) -> UInt8 { bytes[index] }

  @inlinable
  package subscript(range: Range<Int>) -> ByteView {
    ByteView(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// The bytes as text, with what is not UTF-8 replaced.
  package var string: String { String(decoding: bytes, as: UTF8.self) }

  /// The number these bytes write in decimal: digits only, at least one, nothing that overflows.
  package var decimal: Int? {
    guard !isEmpty else { return nil }
    var value = 0
    for byte in bytes {
      let digit = Int(byte) - 0x30
      guard 0...9 ~= digit else { return nil }
      let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(digit)
      guard !overflowed && !carried else { return nil }
      value = sum
    }
    return value
  }

  package func firstIndex(of byte: UInt8) -> Int? {
    let index = ByteScan.index(of: byte, in: bytes, from: 0, to: count)
    return index < count ? index : nil
  }

  package func hasPrefix(_ literal: StaticString) -> Bool {
    count >= literal.utf8CodeUnitCount && self[0..<literal.utf8CodeUnitCount] == literal
  }

  /// Whether these bytes are `literal`, which is lowercase, in any mix of ASCII cases.
  package func equalsIgnoringCase(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    let expected = literal.utf8Start
    for index in 0..<count where ByteView.lowercased(bytes[index]) != expected[index] {
      return false
    }
    return true
  }

  package func hasSameBytes(as other: ByteView) -> Bool {
    count == other.count && bytes.elementsEqual(other.bytes)
  }

  package func equalsIgnoringCase(_ other: ByteView) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count
    where ByteView.lowercased(bytes[index]) != ByteView.lowercased(other[index]) {
      return false
    }
    return true
  }

  /// These bytes without the spaces and tabs around them.
  package var trimmed: ByteView {
    var (start, end) = (0, count)
    while start < end, ByteView.isBlank(bytes[start]) { start += 1 }
    while start < end, ByteView.isBlank(bytes[end - 1]) { end -= 1 }
    return self[start..<end]
  }

  /// Takes off and returns what comes before the first `separator`, or everything; the separator
  /// goes.
  mutating func split(at separator: UInt8) -> ByteView {
    let end = firstIndex(of: separator) ?? count
    let part = self[0..<end]
    self = self[Swift.min(end + 1, count)..<count]
    return part
  }

  package static func == (view: ByteView, literal: StaticString) -> Bool {
    guard view.count == literal.utf8CodeUnitCount else { return false }
    let expected = literal.utf8Start
    for index in 0..<view.count where view.bytes[index] != expected[index] {
      return false
    }
    return true
  }

  package static func != (view: ByteView, literal: StaticString) -> Bool {
    !(view == literal)
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  static func lowercased(_ byte: UInt8) -> UInt8 {
    0x41...0x5A ~= byte ? byte | 0x20 : byte
  }
}

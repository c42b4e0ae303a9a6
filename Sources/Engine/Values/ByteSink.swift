/// Something that bytes of output are appended to.
package protocol ByteSink {
  mutating func append(_ byte: UInt8)
  mutating func append(contentsOf bytes: UnsafeRawBufferPointer)
}

extension Array: ByteSink where Element == UInt8 {}

extension ByteSink {
  @inline(__always)
  mutating func append(ascii text: StaticString) {
    append(contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(zeros count: Int) {
    for _ in 0..<max(count, 0) { append(UInt8(ascii: "0")) }
  }

  /// Appends a number of at most 64 bits in decimal.
  mutating func append(decimal value: some FixedWidthInteger) {
    if value < 0 { append(UInt8(ascii: "-")) }
    DecimalDigits(UInt64(value.magnitude)).withBytes { append(contentsOf: $0) }
  }

  /// Appends a number that is not negative in decimal, with leading zeros up to `width` digits.
  mutating func append(decimal value: Int, width: Int) {
    let digits = DecimalDigits(UInt64(value.magnitude))
    append(zeros: width - digits.count)
    digits.withBytes { append(contentsOf: $0) }
  }
}

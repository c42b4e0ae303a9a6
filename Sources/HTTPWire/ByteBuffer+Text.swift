extension ByteBuffer {
  @inlinable
  package mutating func append(_ literal: StaticString) {
    append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  @inlinable
  package mutating func append(_ view: ByteView) {
    append(view.bytes)
  }

  /// Appends `text` as UTF-8.
  package mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Appends `number` in decimal.
  package mutating func append(decimal number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: number.magnitude)
  }

  /// Appends `number` in decimal.
  package mutating func append(decimal number: UInt64) {
    // UInt64.max has 20 digits.
    append(upTo: 20) { free in
      var rest = number
      var start = 20
      repeat {
        start -= 1
        free[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      let digits = 20 - start
      free.baseAddress.unsafelyUnwrapped
        .copyMemory(from: free.baseAddress.unsafelyUnwrapped + start, byteCount: digits)
      return digits
    }
  }

  package mutating func append(decimal number: Int) {
    append(decimal: Int64(number))
  }

  /// Appends `number` in decimal with zeros in front up to `digits`, as dates have it.
  mutating func append(decimal number: Int, digits: Int) {
    var divisor = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}

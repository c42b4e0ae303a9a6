/// The decimal digits of an unsigned integer as ASCII, on the stack.
struct DecimalDigits {
  /// 2^128 has 39 digits.
  private static let capacity = 39

  private var buffer = InlineArray<39, UInt8>(repeating: UInt8(ascii: "0"))
  private(set) var count = 0

  init(_ magnitude: UInt128) {
    var rest = magnitude
    // 128-bit division is slow: take 18 digits at once until 64 bits are left.
    while rest > UInt128(UInt64.max) {
      let (quotient, chunk) = rest.quotientAndRemainder(dividingBy: 1_000_000_000_000_000_000)
      prepend(UInt64(chunk), digitsMin: 18)
      rest = quotient
    }
    prepend(UInt64(rest), digitsMin: 1)
  }

  init(_ magnitude: UInt64) {
    prepend(magnitude, digitsMin: 1)
  }

  /// Calls `body` with the digits, the most significant first.
  @inline(__always)
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    buffer.span.withUnsafeBytes { bytes in
      body(UnsafeRawBufferPointer(rebasing: bytes[(Self.capacity - count)...]))
    }
  }

  private mutating func prepend(_ value: UInt64, digitsMin: Int) {
    var rest = value
    let countMin = count + digitsMin
    while rest > 0 || count < countMin {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      count += 1
      buffer[Self.capacity - count] = UInt8(ascii: "0") + UInt8(digit)
      rest = quotient
    }
  }
}

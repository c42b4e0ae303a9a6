/// Text of float8 and float4 as printed with `extra_float_digits = 1`.
enum FloatText {
  /// Below 10^this a number is printed with an exponent.
  private static let fixedExponentMin = -4

  static func write<Value: PostgresFloat>(_ value: Value, to sink: inout some ByteSink) {
    guard !value.isNaN else { return sink.append(ascii: "NaN") }
    if value.sign == .minus { sink.append(UInt8(ascii: "-")) }
    guard value.isFinite else { return sink.append(ascii: "Infinity") }
    let decimal = DecimalFloat(shortest: value)
    DecimalDigits(decimal.digits).withBytes { digits in
      let leading = decimal.exponent + digits.count - 1
      if leading >= fixedExponentMin, leading < Value.reliableDigits {
        writeFixed(digits, decimal.exponent, to: &sink)
      } else {
        writeScientific(digits, leading, to: &sink)
      }
    }
  }

  private static func writeFixed(
    _ digits: UnsafeRawBufferPointer, _ exponent: Int, to sink: inout some ByteSink
  ) {
    let whole = digits.count + exponent
    guard exponent < 0 else {
      sink.append(contentsOf: digits)
      return sink.append(zeros: exponent)
    }
    if whole > 0 {
      sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[..<whole]))
    } else {
      sink.append(UInt8(ascii: "0"))
    }
    sink.append(UInt8(ascii: "."))
    sink.append(zeros: -whole)
    sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[max(whole, 0)...]))
  }

  private static func writeScientific(
    _ digits: UnsafeRawBufferPointer, _ leading: Int, to sink: inout some ByteSink
  ) {
    sink.append(digits[0])
    if digits.count > 1 {
      sink.append(UInt8(ascii: "."))
      sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[1...]))
    }
    sink.append(UInt8(ascii: "e"))
    sink.append(UInt8(ascii: leading < 0 ? "-" : "+"))
    sink.append(decimal: abs(leading), width: 2)
  }
}

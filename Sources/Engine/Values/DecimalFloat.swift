import BigInt

/// The decimal digits of a finite float: `digits * 10^exponent`, sign aside.
struct DecimalFloat: Equatable {
  /// At most 17 digits.
  var digits: UInt64
  var exponent: Int

  /// The count of `digits`.
  var digitCount: Int { PowerOfTen.digitCount(UInt128(digits)) }

  /// The same value without trailing zeros.
  var stripped: DecimalFloat {
    guard digits != 0 else { return DecimalFloat(digits: 0, exponent: 0) }
    var result = self
    while result.digits % 10 == 0 {
      result.digits /= 10
      result.exponent += 1
    }
    return result
  }
}

extension DecimalFloat {
  /// The fewest digits that read back as `value` for any reader, as Postgres prints floats.
  ///
  /// Swift's own shortest form counts on a reader that rounds halves to even; the server does not,
  /// and writes 9.999999999999999e+22 where Swift writes 1e+23. `value` is finite.
  init<Value: PostgresFloat>(shortest value: Value) {
    self.init(description: value.magnitude.description)
    guard liesHalfwayBetween(Value.self) else { return }
    // The nearest number of each length lies between the neighbours' midpoints if any of that
    // length does.
    for count in digitCount + 1...17 {
      self = DecimalFloat(value, significantDigits: count).stripped
      if !liesHalfwayBetween(Value.self), Value(literal) == value.magnitude { return }
    }
  }

  /// `value` rounded to so many digits, as `printf("%.*g")` does; trailing zeros are stripped.
  /// `value` is finite.
  init<Value: PostgresFloat>(_ value: Value, roundedTo count: Int) {
    let shortest = DecimalFloat(description: value.magnitude.description)
    // Digits no more than the reliable ones that read back as the value are its rounding;
    // subnormals have fewer.
    let isRounded = shortest.digitCount <= count && (value.isNormal || value.isZero)
    self = isRounded ? shortest : DecimalFloat(value, significantDigits: count).stripped
  }

  /// `value` rounded half to even to exactly `count` significant digits, 17 at most. `value` is
  /// neither zero nor special.
  private init<Value: PostgresFloat>(_ value: Value, significantDigits count: Int) {
    let exponent = Self.leadingExponent(value) - count + 1
    let rounded = Self.quotient(value, dividingByPowerOfTen: exponent, .toNearestOrEven)
    self.init(digits: rounded.exactly(UInt64.self) ?? 0, exponent: exponent)
  }

  /// The power of ten of the first digit. `value` is neither zero nor special.
  private static func leadingExponent(_ value: some PostgresFloat) -> Int {
    // The shortest form may be the next power of ten above the value, never less than a digit off.
    let shortest = DecimalFloat(description: value.magnitude.description)
    let estimate = shortest.exponent + shortest.digitCount - 1
    let head = quotient(value, dividingByPowerOfTen: estimate - 17, .towardZero)
    return estimate + head.digitCount - 18
  }

  /// |value| / 10^exponent, cut off or rounded half to even.
  private static func quotient(
    _ value: some PostgresFloat, dividingByPowerOfTen exponent: Int,
    _ rounding: FloatingPointRoundingRule
  ) -> WideInteger {
    let (significand, power) = value.magnitude.integralSignificand
    let numerator = (BigInt(significand) << max(power, 0)) * PowerOfTen.big(max(-exponent, 0))
    let denominator = (BigInt(1) << max(-power, 0)) * PowerOfTen.big(max(exponent, 0))
    let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
    guard rounding == .toNearestOrEven else { return WideInteger(quotient) }
    let twice = remainder * 2
    let isUp = twice > denominator || (twice == denominator && quotient % 2 == 1)
    return WideInteger(isUp ? quotient + 1 : quotient)
  }

  /// Reads the digits and exponent of Swift's `description` of a float that is not negative.
  private init(description: String) {
    var digits: UInt64 = 0
    var exponent = 0
    var isFraction = false
    var scanned = description.utf8[...]
    while let byte = scanned.first, byte != UInt8(ascii: "e") {
      scanned.removeFirst()
      if byte == UInt8(ascii: ".") {
        isFraction = true
      } else {
        digits = digits * 10 + UInt64(byte - UInt8(ascii: "0"))
        exponent -= isFraction ? 1 : 0
      }
    }
    exponent += Int(Substring(scanned.dropFirst())) ?? 0
    self = DecimalFloat(digits: digits, exponent: exponent).stripped
  }

  private var literal: String { "\(digits)e\(exponent)" }

  /// Whether this number lies exactly in the middle between two neighbours of the type.
  ///
  /// Such a number has an odd part of one bit more than a significand. Only whole numbers come into
  /// question: where neighbours are closer, a shorter number always lies nearer.
  private func liesHalfwayBetween<Value: PostgresFloat>(_: Value.Type) -> Bool {
    guard exponent >= 0, exponent <= 27, digits != 0 else { return false }
    var product = UInt128(digits >> digits.trailingZeroBitCount)
    for _ in 0..<exponent { product *= 5 }
    return 128 - product.leadingZeroBitCount == Value.significandBitCount + 2
  }
}

extension BinaryFloatingPoint {
  /// The value, which is finite and not negative, as `significand * 2^power`.
  fileprivate var integralSignificand: (significand: UInt64, power: Int) {
    guard self != 0 else { return (0, 0) }
    let power = Int(ulp.exponent)
    return (UInt64(self / ulp), power)
  }
}

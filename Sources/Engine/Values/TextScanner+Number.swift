import BigInt

/// A number that is not a digit string.
enum SpecialNumber {
  case nan
  case infinity
  case negativeInfinity
}

/// A decimal number as written: `coefficient / 10^fractionDigits * 10^exponent`.
struct DecimalLiteral {
  var coefficient: WideInteger
  /// Digits written after the point.
  var fractionDigits: Int
  var exponent: Int
}

extension TextScanner {
  /// Reads the whole rest as `NaN`, or `Infinity` or `inf` with an optional sign.
  mutating func scanSpecialNumber() -> SpecialNumber? {
    let start = self
    if scan(word: "nan"), isAtEnd { return .nan }
    self = start
    let isNegative = scanSign()
    if scan(word: "infinity") || scan(word: "inf"), isAtEnd {
      return isNegative ? .negativeInfinity : .infinity
    }
    self = start
    return nil
  }

  /// Reads `[+-]digits[.digits][e[+-]digits]`, with a digit on at least one side of the point.
  mutating func scanDecimalLiteral() -> DecimalLiteral? {
    let start = self
    let isNegative = scanSign()
    let firstDigit = index
    let wholeDigits = scanDigitRun()
    let fractionDigits = scan(".") ? scanDigitRun() : 0
    let digits = bytes[firstDigit..<index]
    guard wholeDigits + fractionDigits > 0, let exponent = scanExponent() else {
      self = start
      return nil
    }
    let coefficient = Self.coefficient(digits, isNegative: isNegative)
    return DecimalLiteral(
      coefficient: coefficient, fractionDigits: fractionDigits, exponent: exponent)
  }

  /// Reads digits as long as there are any and tells how many there were.
  private mutating func scanDigitRun() -> Int {
    let start = index
    while scanDigit() != nil {}
    return index - start
  }

  /// Reads an exponent; 0 where there is none, nil where it is malformed or absurd.
  private mutating func scanExponent() -> Int? {
    guard scan("e") || scan("E") else { return 0 }
    let isNegative = scanSign()
    guard var exponent = scanDigit() else { return nil }
    while let digit = scanDigit() {
      exponent = exponent * 10 + digit
      guard exponent < 1_000_000 else { return nil }
    }
    return isNegative ? -exponent : exponent
  }

  /// The number that the ASCII digits spell, a point among them ignored.
  private static func coefficient(_ digits: Slice<UnsafeRawBufferPointer>, isNegative: Bool)
    -> WideInteger
  {
    guard digits.count <= PowerOfTen.smallExponentMax else {
      let text = String(decoding: digits.filter { $0 != UInt8(ascii: ".") }, as: UTF8.self)
      return WideInteger(negative: isNegative, magnitude: BigUInt(text) ?? 0)
    }
    var value: Int128 = 0
    for byte in digits where byte != UInt8(ascii: ".") {
      value = value * 10 + Int128(byte - UInt8(ascii: "0"))
    }
    return .small(isNegative ? -value : value)
  }
}

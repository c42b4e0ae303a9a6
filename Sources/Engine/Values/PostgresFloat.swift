/// A floating point type with the arithmetic of Postgres: `Double` is float8 and `Float` is float4.
package protocol PostgresFloat: BinaryFloatingPoint & LosslessStringConvertible & SendableMetatype {
  /// Decimal digits that always survive (`DBL_DIG`, `FLT_DIG`).
  ///
  /// A cast to numeric keeps as many, and numbers below 10^this print without an exponent.
  static var reliableDigits: Int { get }
}

extension Double: PostgresFloat {
  package static var reliableDigits: Int { 15 }
}

extension Float: PostgresFloat {
  package static var reliableDigits: Int { 6 }
}

extension PostgresFloat {
  package func adding(_ other: Self) throws(ValueFault) -> Self {
    try (self + other).checkedOverflow(self, other)
  }

  package func subtracting(_ other: Self) throws(ValueFault) -> Self {
    try (self - other).checkedOverflow(self, other)
  }

  package func multiplied(by other: Self) throws(ValueFault) -> Self {
    let product = try (self * other).checkedOverflow(self, other)
    guard product != 0 || self == 0 || other == 0 else { throw .floatUnderflow }
    return product
  }

  package func divided(by other: Self) throws(ValueFault) -> Self {
    guard other != 0 || isNaN else { throw .divisionByZero }
    let quotient = self / other
    // An infinite divisor makes no overflow: the quotient is finite or NaN.
    guard !quotient.isInfinite || isInfinite else { throw .floatOverflow }
    guard quotient != 0 || self == 0 || other.isInfinite else { throw .floatUnderflow }
    return quotient
  }

  /// Negative, zero or positive as `self` sorts before, with or after `other`; NaN is greatest and
  /// equals itself.
  package func compared(to other: Self) -> Int {
    if self < other { return -1 }
    if self > other { return 1 }
    return (isNaN ? 1 : 0) - (other.isNaN ? 1 : 0)
  }

  /// The value as an integer column takes it: rounded half to even.
  package func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(ValueFault) -> Integer {
    guard let result = Integer(exactly: rounded(.toNearestOrEven)) else { throw .integerOutOfRange }
    return result
  }

  private func checkedOverflow(_ left: Self, _ right: Self) throws(ValueFault) -> Self {
    guard !isInfinite || left.isInfinite || right.isInfinite else { throw .floatOverflow }
    return self
  }
}

extension Double {
  /// The value cast to float4.
  package func float4() throws(ValueFault) -> Float {
    let narrow = Float(self)
    guard !narrow.isInfinite || isInfinite else { throw .floatOverflow }
    guard narrow != 0 || self == 0 else { throw .floatUnderflow }
    return narrow
  }
}

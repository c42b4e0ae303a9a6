extension Numeric {
  /// The digits that `round()` and `trunc()` can be told to keep: more than any value has, on
  /// either side.
  ///
  /// Servers without the fix of 2024 stop at 2000 on either side.
  private static let roundingDigits = -leadingExponentMax - 2...scaleMax

  /// `round(self, digits)`: half away from zero, `digits` after the point or, when negative, before
  /// it.
  package func rounded(_ digits: Int = 0) throws(ValueFault) -> Numeric {
    try rescaled(Self.clamped(digits), .halfAwayFromZero)
  }

  /// `trunc(self, digits)`: as `rounded`, but towards zero.
  package func truncated(_ digits: Int = 0) throws(ValueFault) -> Numeric {
    try rescaled(Self.clamped(digits), .towardZero)
  }

  /// The smallest whole number that is not less.
  package func ceiling() throws(ValueFault) -> Numeric {
    let whole = try rescaled(0, .towardZero)
    return whole < self ? try whole.adding(Numeric(1)) : whole
  }

  /// The largest whole number that is not greater.
  package func floor() throws(ValueFault) -> Numeric {
    let whole = try rescaled(0, .towardZero)
    return self < whole ? try whole.subtracting(Numeric(1)) : whole
  }

  private static func clamped(_ digits: Int) -> Int {
    min(max(digits, roundingDigits.lowerBound), roundingDigits.upperBound)
  }

  /// The value with `digits` after the point; a negative count clears digits before it and leaves
  /// scale 0.
  func rescaled(_ digits: Int, _ rounding: WideInteger.Rounding) throws(ValueFault) -> Numeric {
    guard case .finite(let coefficient) = body, digits != scale else { return self }
    if digits > scale {
      return try Numeric(checked: coefficient.timesPowerOfTen(digits - scale), scale: digits)
    }
    let kept = coefficient.dividedByPowerOfTen(scale - digits, rounding)
    return try Numeric(checked: kept.timesPowerOfTen(-digits), scale: max(digits, 0))
  }
}

extension Numeric {
  /// A quotient has at least this many significant digits (`NUMERIC_MIN_SIG_DIGITS`).
  private static let significantDigitsMin = 16
  /// A quotient has at most this many digits after the point (`NUMERIC_MAX_DISPLAY_SCALE`).
  private static let quotientScaleMax = 1000

  /// The quotient, rounded half away from zero to the scale the server selects.
  package func divided(by other: Numeric) throws(ValueFault) -> Numeric {
    guard case .finite(let x) = body, case .finite(let y) = other.body else {
      return try dividedSpecial(by: other)
    }
    guard y.signum != 0 else { throw .divisionByZero }
    let resultScale = quotientScale(dividingBy: other)
    let shift = resultScale - scale + other.scale
    // The scale is at least that of either side, so the shift is never negative, except where both
    // exceed the maximum.
    let quotient =
      shift >= 0
      ? x.timesPowerOfTen(shift).quotient(by: y, .halfAwayFromZero)
      : x.quotient(by: y.timesPowerOfTen(-shift), .halfAwayFromZero)
    return try Numeric(checked: quotient, scale: resultScale)
  }

  /// The scale of a quotient, as `select_div_scale` of `numeric.c` finds it.
  ///
  /// The server stores numbers in groups of four digits and estimates the quotient's size from the
  /// weights of the first groups, less one where the dividend's first group is not the larger.
  private func quotientScale(dividingBy other: Numeric) -> Int {
    let dividend = leadingGroup
    let divisor = other.leadingGroup
    let weight = dividend.weight - divisor.weight - (dividend.digits <= divisor.digits ? 1 : 0)
    let wanted = max(Self.significantDigitsMin - weight * 4, scale, other.scale, 0)
    return min(wanted, Self.quotientScaleMax)
  }

  /// The first group of four digits that is not zero and its power of 10000; zeros for zero.
  private var leadingGroup: (weight: Int, digits: Int) {
    guard case .finite(let coefficient) = body, coefficient.signum != 0 else { return (0, 0) }
    let exponent = coefficient.digitCount - scale - 1
    let weight = exponent >> 2
    let below = scale + weight * 4
    let group = coefficient.dividedByPowerOfTen(below, .towardZero).timesPowerOfTen(-below)
    return (weight, abs(group.exactly(Int.self) ?? 0))
  }

  /// The quotient where at least one side is not finite.
  private func dividedSpecial(by other: Numeric) throws(ValueFault) -> Numeric {
    if isNaN || other.isNaN { return .nan }
    if isFinite { return .zero }
    guard other.isFinite else { return .nan }
    guard !other.isZero else { throw .divisionByZero }
    return Numeric.signedInfinity(signum * other.signum)
  }
}

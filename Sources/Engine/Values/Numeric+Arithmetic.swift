extension Numeric {
  /// The sum, with the larger of the two scales.
  package func adding(_ other: Numeric) throws(ValueFault) -> Numeric {
    guard case .finite(let x) = body, case .finite(let y) = other.body else {
      return addingSpecial(other)
    }
    if scale == other.scale { return try Numeric(checked: x + y, scale: scale) }
    let common = max(scale, other.scale)
    let sum = x.timesPowerOfTen(common - scale) + y.timesPowerOfTen(common - other.scale)
    return try Numeric(checked: sum, scale: common)
  }

  /// The difference, with the larger of the two scales.
  package func subtracting(_ other: Numeric) throws(ValueFault) -> Numeric {
    try adding(other.negated)
  }

  /// The product, with the sum of the scales; rounded only where that exceeds `scaleMax`.
  package func multiplied(by other: Numeric) throws(ValueFault) -> Numeric {
    guard case .finite(let x) = body, case .finite(let y) = other.body else {
      return multipliedSpecial(by: other)
    }
    let exactScale = scale + other.scale
    let product = (x * y).dividedByPowerOfTen(exactScale - Self.scaleMax, .halfAwayFromZero)
    return try Numeric(checked: product, scale: min(exactScale, Self.scaleMax))
  }

  /// What a division that truncates leaves, with the larger of the two scales and the sign of
  /// `self`.
  package func remainder(dividingBy other: Numeric) throws(ValueFault) -> Numeric {
    guard !isNaN, !other.isNaN else { return .nan }
    guard !other.isZero else { throw .divisionByZero }
    guard case .finite(let x) = body else { return .nan }
    guard case .finite(let y) = other.body else { return self }
    let common = max(scale, other.scale)
    let remainder = x.timesPowerOfTen(common - scale) % y.timesPowerOfTen(common - other.scale)
    return try Numeric(checked: remainder, scale: common)
  }

  package var negated: Numeric {
    switch body {
    case .finite(let coefficient): Numeric(-coefficient, scale: scale)
    case .nan: self
    case .positiveInfinity: .negativeInfinity
    case .negativeInfinity: .infinity
    }
  }

  package var absolute: Numeric {
    signum < 0 ? negated : self
  }

  /// `sign()` of Postgres: -1, 0, 1 or NaN.
  package var sign: Numeric {
    isNaN ? .nan : Numeric(Int64(signum))
  }

  /// The sum where at least one side is not finite.
  private func addingSpecial(_ other: Numeric) -> Numeric {
    if isNaN || other.isNaN { return .nan }
    if isFinite { return other }
    if other.isFinite { return self }
    return signum == other.signum ? self : .nan
  }

  /// The product where at least one side is not finite.
  private func multipliedSpecial(by other: Numeric) -> Numeric {
    if isNaN || other.isNaN { return .nan }
    return Numeric.signedInfinity(signum * other.signum)
  }

  /// An infinity of the sign given; NaN for zero, which is what an infinity times zero is.
  static func signedInfinity(_ signum: Int) -> Numeric {
    signum == 0 ? .nan : signum > 0 ? .infinity : .negativeInfinity
  }
}

extension Numeric {
  /// The cast from float8 or float4, which keeps 15 or 6 significant digits.
  package init(_ value: some PostgresFloat) {
    guard value.isFinite else {
      self = value.isNaN ? .nan : value < 0 ? .negativeInfinity : .infinity
      return
    }
    let decimal = DecimalFloat(value, roundedTo: type(of: value).reliableDigits)
    let digits = WideInteger.small(value < 0 ? -Int128(decimal.digits) : Int128(decimal.digits))
    self.init(digits.timesPowerOfTen(decimal.exponent), scale: max(-decimal.exponent, 0))
  }

  /// The cast to float8 or float4: the nearest value, an error where that is infinite or a zero
  /// that should not be.
  package func float<Value: PostgresFloat>(_: Value.Type) throws(ValueFault) -> Value {
    switch body {
    case .nan: return .nan
    case .positiveInfinity: return .infinity
    case .negativeInfinity: return -.infinity
    case .finite(let coefficient):
      if let exact: Value = exactQuotient(coefficient) { return exact }
      guard let nearest = Value(description) else { throw .floatOverflow }
      guard nearest.isFinite else { throw .floatOverflow }
      guard nearest != 0 || coefficient.signum == 0 else { throw .floatUnderflow }
      return nearest
    }
  }

  /// The value where coefficient and power of ten are exact in the type: then one division rounds
  /// correctly.
  private func exactQuotient<Value: PostgresFloat>(_ coefficient: WideInteger) -> Value? {
    // 5^22 fits the 53 bits of a float8 and 5^10 the 24 bits of a float4.
    let exactPowerMax = Value.significandBitCount > 23 ? 22 : 10
    guard let value = coefficient.small, scale <= exactPowerMax else { return nil }
    guard value.magnitude <= UInt128(1) << (Value.significandBitCount + 1) else { return nil }
    return Value(Int64(value)) / Value(PowerOfTen.small(scale))
  }
}

extension Numeric {
  /// The value as an integer column takes it: rounded half away from zero.
  package func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(ValueFault) -> Integer {
    guard case .finite(let coefficient) = body else { throw .notAFiniteNumber }
    let whole = coefficient.dividedByPowerOfTen(scale, .halfAwayFromZero)
    guard let result = whole.exactly(Integer.self) else { throw .integerOutOfRange }
    return result
  }
}

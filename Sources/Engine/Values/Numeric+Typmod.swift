/// The precision and scale of a `numeric(p, s)` column.
package struct NumericTypmod: Sendable, Hashable {
  /// The most digits in all, 1 to 1000.
  package let precision: Int
  /// Digits after the point, -1000 to 1000; a negative scale rounds before it.
  package let scale: Int

  package init(precision: Int, scale: Int) {
    self.precision = precision
    self.scale = scale
  }

  /// Reads an `atttypmod`; nil for a column without precision.
  package init?(_ typmod: Int32) {
    guard typmod >= 4 else { return nil }
    let bits = typmod - 4
    precision = Int(bits >> 16 & 0xffff)
    // Since Postgres 15 the scale is an 11-bit two's complement number.
    scale = Int((bits & 0x7ff ^ 1024) - 1024)
  }
}

extension Numeric {
  /// The value as a column `numeric(p, s)` stores it.
  package func constrained(to typmod: NumericTypmod) throws(ValueFault) -> Numeric {
    guard isFinite else {
      guard isNaN else { throw .numericFieldOverflow }
      return self
    }
    let rounded = try rescaled(typmod.scale, .halfAwayFromZero)
    guard case .finite(let coefficient) = rounded.body, coefficient.signum != 0 else {
      return rounded
    }
    let digitsBeforePoint = coefficient.digitCount - rounded.scale
    guard digitsBeforePoint <= typmod.precision - typmod.scale else { throw .numericFieldOverflow }
    return rounded
  }
}

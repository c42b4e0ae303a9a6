/// A computation on column values that Postgres would answer with an error.
///
/// Each case stands for one message of the server; several share an SQLSTATE.
package enum ValueFault: UInt8, Error, Sendable, CaseIterable, BitwiseCopyable {
  /// "division by zero"
  case divisionByZero = 1
  /// "value overflows numeric format"
  case numericOutOfRange
  /// "numeric field overflow": the value does not fit its column's precision.
  case numericFieldOverflow
  /// "integer out of range", and the same for smallint and bigint.
  case integerOutOfRange
  /// "cannot convert NaN to integer", and the same for the infinities.
  case notAFiniteNumber
  /// "value out of range: overflow"
  case floatOverflow
  /// "value out of range: underflow"
  case floatUnderflow
  /// Bytes that are no numeric at all.
  case malformedBinary

  /// What Postgres says.
  package var message: String {
    switch self {
    case .divisionByZero: "division by zero"
    case .numericOutOfRange: "value overflows numeric format"
    case .numericFieldOverflow: "numeric field overflow"
    case .integerOutOfRange: "integer out of range"
    case .notAFiniteNumber: "cannot convert NaN or infinity to integer"
    case .floatOverflow: "value out of range: overflow"
    case .floatUnderflow: "value out of range: underflow"
    case .malformedBinary: "invalid binary representation"
    }
  }

  /// The five-character code that Postgres reports (appendix A of its manual).
  package var sqlState: String {
    switch self {
    case .divisionByZero: "22012"
    case .numericOutOfRange, .numericFieldOverflow, .integerOutOfRange: "22003"
    case .floatOverflow, .floatUnderflow: "22003"
    case .notAFiniteNumber: "0A000"
    case .malformedBinary: "22P03"
    }
  }
}

/// Why the state of a dataflow can't be written, or read.
package enum StateFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// Rows were absorbed since the last step, or there was none.
  case stepUnderWay
  /// A table's rows are not known any more (``Dataflow/distrust(table:_:)``): only a snapshot mends that.
  case distrusted
  /// A table has more cells than a state can number, 2^32.
  case tooLarge
  /// Written in another version of the format, or by nobody we know.
  case otherVersion(UInt32)
  /// Of another plan.
  case otherFingerprint(PlanFingerprint)
  /// Of a process with another seed: the store is to be made with the one that the state names.
  case otherHashSeed(UInt64)
  /// There are rows already where the state's are to go.
  case notEmpty
  /// Bytes that are not what they should be, counted from where the reader began.
  case damaged(offset: Int, expected: String)

  package var description: String {
    switch self {
    case .stepUnderWay: "a step is under way"
    case .distrusted: "a table's rows are not known any more"
    case .tooLarge: "a table has more than 2^32 cells"
    case .otherVersion(let version): "the state is of format \(version)"
    case .otherFingerprint(let fingerprint): "the state is of another plan, \(fingerprint)"
    case .otherHashSeed: "the state is of another hash seed"
    case .notEmpty: "there are rows already"
    case .damaged(let offset, let expected): "expected \(expected) at byte \(offset)"
    }
  }
}

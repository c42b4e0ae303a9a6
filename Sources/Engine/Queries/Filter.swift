/// A condition on a view's rows, as a client writes it: the one filter language of queries, subscriptions and endpoints.
///
/// Names and operands are text; ``FilterBinder`` checks them against a view.
package indirect enum Filter: Hashable, Sendable {
  case all([Filter])
  case any([Filter])
  case not(Filter)
  case test(column: String, Test)

  /// What is asked of one column.
  package enum Test: Hashable, Sendable {
    case compare(ScalarFunction.Comparison, String)
    case among([String])
    /// `*` stands for any characters, as `%` does.
    case like(String, ignoringCase: Bool)
    case isNull
    /// `IS TRUE` and `IS FALSE`.
    case isBool(Bool)
    case isUnknown
  }
}

/// What one filter may cost; a request's filters count together.
package enum FilterLimits {
  /// Groups inside of groups. Parser and compiler recurse that deep.
  package static let depthMax = 10
  /// Each is evaluated for each row.
  package static let testsMax = 100
  /// Values in all lists: as many as a look-up may have keys. A row costs the logarithm.
  package static let valuesMax = 10_000
  /// Bytes of a pattern: matching may take the product of its length and the text's.
  package static let patternBytesMax = 256
}

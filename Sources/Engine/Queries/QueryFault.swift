/// Why text is no filter, order or selection, or none for this view.
package enum QueryFault: Error, Hashable, Sendable, CustomStringConvertible {
  case operatorMissing
  case unknownOperator(String)
  case columnMissing
  /// Something else stands at the offset, in bytes of the value.
  case expected(String, offset: Int)
  case isOperandUnknown(String)
  case containsNUL
  case tooDeep
  case tooManyTests
  case tooManyValues

  case unknownColumn(String)
  case notOfType(operand: String, column: String, typeName: String)
  case operatorNotForType(column: String, typeName: String, allowed: String)
  case orderUnknown(column: String)
  case patternTooLong
  case patternEndsInEscape

  case directionUnknown(String)
  case orderedTwice(column: String)
  case orderNotAllowed(column: String)
  case nameTwice(String)
  case tooManyColumns

  /// Operands are shown up to this many characters.
  private static let shownMax = 60

  package var description: String {
    switch self {
    case .operatorMissing:
      "an operator is missing: write operator.value, as eq.5 or not.in.(1,2)"
    case .unknownOperator(let name):
      "\"\(name.prefix(Self.shownMax))\" is no operator; known are eq, neq, lt, lte, gt, gte, in, is, "
        + "like, ilike, and not. in front of any"
    case .columnMissing: "a column's name is missing"
    case .expected(let what, let offset): "\(what) is missing at byte \(offset)"
    case .isOperandUnknown(let operand):
      "is takes null, true, false or unknown, not \"\(operand.prefix(Self.shownMax))\""
    case .containsNUL: "a value contains a NUL, which no text of PostgreSQL can"
    case .tooDeep: "more than \(FilterLimits.depthMax) groups are inside of each other"
    case .tooManyTests: "there are more than \(FilterLimits.testsMax) conditions"
    case .tooManyValues: "lists have more than \(FilterLimits.valuesMax) values"
    case .unknownColumn(let name): "the view has no column \"\(name.prefix(Self.shownMax))\""
    case .notOfType(let operand, let column, let typeName):
      "\"\(operand.prefix(Self.shownMax))\" is not a value of \(column), which is of type \(typeName)"
    case .operatorNotForType(let column, let typeName, let allowed):
      "\(column) is of type \(typeName), which takes \(allowed) only"
    case .orderUnknown(let column):
      "\(column) orders as a locale does; only text under a collation that orders by bytes can be "
        + "ordered here: add COLLATE \"C\" to the column in the view"
    case .patternTooLong: "a pattern has more than \(FilterLimits.patternBytesMax) bytes"
    case .patternEndsInEscape: "a pattern ends in a backslash that escapes nothing"
    case .directionUnknown(let word):
      "\"\(word.prefix(Self.shownMax))\" is no direction; write column, then .asc or .desc, then "
        + ".nullsfirst or .nullslast"
    case .orderedTwice(let column): "\(column) is named twice"
    case .orderNotAllowed(let column): "\(column) is capped for you and can't be ordered by"
    case .nameTwice(let name): "two columns would be called \"\(name.prefix(Self.shownMax))\""
    case .tooManyColumns: "more than \(Selection.columnsMax) columns are named"
    }
  }
}

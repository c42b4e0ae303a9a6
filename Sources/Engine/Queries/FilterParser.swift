/// Reads filters in PostgREST's notation ("Tables and Views", Horizontal Filtering).
///
///     stock=lt.10                      column=operator.value
///     region=not.in.(US-East,"a,b")    a list; quoted where a value has a comma, parenthesis or quote
///     or=(a.eq.1,not.and(b.gt.2,c.is.null))
///
/// A value behind `column=` is taken as it stands; inside of a group it may be quoted, with a backslash before quotes
/// and backslashes. The text is percent-decoded already. One parser reads all filters of a request, so that the
/// bounds hold for them together.
package struct FilterParser {
  private var testCount = 0
  private var valueCount = 0

  package init() {}

  /// Reads one `name=value` pair.
  ///
  /// - Parameter name: a column, quoted if it is called like a group, or `and`, `or`, `not.and`, `not.or`.
  package mutating func parse(name: String, value: String) throws(QueryFault) -> Filter {
    guard !name.utf8.contains(0), !value.utf8.contains(0) else { throw .containsNUL }
    var scanner = QueryScanner(value)
    let filter: Filter
    switch name {
    case "and", "or", "not.and", "not.or":
      filter = try group(name, &scanner, depth: 1)
    default:
      var nameScanner = QueryScanner(name)
      let column = try nameScanner.scanWholeName()
      filter = try operation(on: column, &scanner, isInGroup: false)
    }
    guard scanner.isAtEnd else { throw .expected("the end", offset: scanner.index) }
    return filter
  }

  /// Whether a parameter of this name is a group of conditions and not a column.
  package static func isGroup(_ name: String) -> Bool {
    ["and", "or", "not.and", "not.or"].contains(name)
  }

  private mutating func group(_ kind: String, _ scanner: inout QueryScanner, depth: Int)
    throws(QueryFault) -> Filter
  {
    guard depth <= FilterLimits.depthMax else { throw .tooDeep }
    guard scanner.scan("(") else { throw .expected("\"(\"", offset: scanner.index) }
    var terms: [Filter] = []
    repeat {
      scanner.skipSpaces()
      terms.append(try term(&scanner, depth: depth))
      scanner.skipSpaces()
    } while scanner.scan(",")
    guard scanner.scan(")") else { throw .expected("\",\" or \")\"", offset: scanner.index) }
    let isNegated = kind.hasPrefix("not.")
    let filter: Filter = kind.hasSuffix("and") ? .all(terms) : .any(terms)
    return isNegated ? .not(filter) : filter
  }

  private mutating func term(_ scanner: inout QueryScanner, depth: Int) throws(QueryFault)
    -> Filter
  {
    for kind in ["and", "or", "not.and", "not.or"] where scanner.startsGroup(kind) {
      scanner.skip(kind.utf8.count)
      return try group(kind, &scanner, depth: depth + 1)
    }
    let column = try scanner.scanName()
    guard scanner.scan(".") else { throw .operatorMissing }
    return try operation(on: column, &scanner, isInGroup: true)
  }

  private mutating func operation(
    on column: String, _ scanner: inout QueryScanner, isInGroup: Bool
  ) throws(QueryFault) -> Filter {
    testCount += 1
    guard testCount <= FilterLimits.testsMax else { throw .tooManyTests }
    var name = try scanner.scanOperator()
    let isNegated = name == "not"
    if isNegated { name = try scanner.scanOperator() }
    let test = try test(name, &scanner, isInGroup: isInGroup)
    let filter = Filter.test(column: column, test)
    return isNegated ? .not(filter) : filter
  }

  private mutating func test(
    _ name: String, _ scanner: inout QueryScanner, isInGroup: Bool
  ) throws(QueryFault) -> Filter.Test {
    if name == "in" { return .among(try list(&scanner)) }
    let operand = isInGroup ? try scanner.scanValue() : scanner.scanRest()
    switch name {
    case "eq": return .compare(.equal, operand)
    case "neq": return .compare(.notEqual, operand)
    case "lt": return .compare(.less, operand)
    case "lte": return .compare(.lessOrEqual, operand)
    case "gt": return .compare(.greater, operand)
    case "gte": return .compare(.greaterOrEqual, operand)
    case "like": return .like(operand, ignoringCase: false)
    case "ilike": return .like(operand, ignoringCase: true)
    case "is": return try Self.truth(operand)
    default: throw .unknownOperator(name)
    }
  }

  private static func truth(_ operand: String) throws(QueryFault) -> Filter.Test {
    switch operand {
    case "null": .isNull
    case "true": .isBool(true)
    case "false": .isBool(false)
    case "unknown": .isUnknown
    default: throw .isOperandUnknown(operand)
    }
  }

  /// Reads `(a,b,"c,d")`; `()` has no values.
  private mutating func list(_ scanner: inout QueryScanner) throws(QueryFault) -> [String] {
    guard scanner.scan("(") else { throw .expected("\"(\"", offset: scanner.index) }
    if scanner.scan(")") { return [] }
    var values: [String] = []
    repeat {
      valueCount += 1
      guard valueCount <= FilterLimits.valuesMax else { throw .tooManyValues }
      scanner.skipSpaces()
      values.append(try scanner.scanValue())
    } while scanner.scan(",")
    guard scanner.scan(")") else { throw .expected("\",\" or \")\"", offset: scanner.index) }
    return values
  }
}

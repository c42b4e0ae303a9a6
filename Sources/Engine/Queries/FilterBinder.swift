/// Checks filters against a view's columns and makes expressions of them, which mean what the same condition means
/// in Postgres: an operand is a literal of the column's type, and a comparison with NULL is not true.
package struct FilterBinder {
  private let columns: [Plan.View.Column]
  /// What a condition sees of each column.
  private let values: [Expression]
  private let arena = ScratchArena()

  /// - Parameter caps: by column, the number that stands for all above it.
  package init(_ columns: [Plan.View.Column], caps: [Int: Int64] = [:]) {
    self.columns = columns
    values = columns.indices.map { index in
      let column = Expression.column(Expression.Column(index: index, type: columns[index].type))
      return caps[index].flatMap { columns[index].type.capped(column, at: $0) } ?? column
    }
  }

  /// The filter as a condition over rows of the view, in which NOT stands in front of single tests only (De Morgan).
  package func bind(_ filter: Filter) throws(QueryFault) -> Expression {
    switch filter {
    case .all(let filters): return .and(try bind(filters))
    case .any(let filters): return .or(try bind(filters))
    case .not(.all(let filters)): return .or(try bind(filters.map { .not($0) }))
    case .not(.any(let filters)): return .and(try bind(filters.map { .not($0) }))
    case .not(.not(let filter)): return try bind(filter)
    case .not(let filter): return .not(try bind(filter))
    case .test(let name, let test):
      guard let index = columns.index(named: name) else {
        throw .unknownColumn(name)
      }
      return try bind(test, index)
    }
  }

  private func bind(_ filters: [Filter]) throws(QueryFault) -> [Expression] {
    var expressions: [Expression] = []
    for filter in filters { expressions.append(try bind(filter)) }
    return expressions
  }

  private func bind(_ test: Filter.Test, _ index: Int) throws(QueryFault) -> Expression {
    let value = values[index]
    switch test {
    case .compare(let comparison, let operand): return try compare(index, comparison, operand)
    case .among(let operands): return try among(index, operands)
    case .like(let pattern, let ignoringCase): return try like(index, pattern, ignoringCase)
    case .isNull: return .isNull(value)
    case .isBool(let expected):
      try checkIsBool(index)
      return .coalesce([expected ? value : .not(value), .bool(false)], .bool)
    case .isUnknown:
      try checkIsBool(index)
      return .isNull(value)
    }
  }

  private func compare(
    _ index: Int, _ comparison: ScalarFunction.Comparison, _ operand: String
  ) throws(QueryFault) -> Expression {
    let column = columns[index]
    guard let function = ScalarFunction.compare(column.type, comparison) else {
      throw notForType(index, "is")
    }
    let constant = try constant(operand, index)
    guard function.needsOrder else {
      return .call(function, [values[index], .constant(constant)], .bool)
    }
    switch column.type {
    case .enumeration: return try compareLabels(index, comparison, operand)
    case .text, .bpchar:
      guard column.ordering.isByBytes else { throw .orderUnknown(column: column.name) }
    case .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .numeric,
      .uuid, .json, .jsonb:
      break
    }
    return .call(function, [values[index], .constant(constant)], .bool)
  }

  /// An enum orders as its labels were declared: `< 'b'` is one of the labels before `b`.
  private func compareLabels(
    _ index: Int, _ comparison: ScalarFunction.Comparison, _ operand: String
  ) throws(QueryFault) -> Expression {
    let labels = columns[index].ordering.labels
    let place = labels.firstIndex(of: operand) ?? labels.count
    let matching = labels.indices.filter { comparison.holds($0 - place) }.map { labels[$0] }
    guard matching.isEmpty else { return try among(index, matching) }
    // No label is: false, but NULL for NULL.
    return .call(.compareBytes(.notEqual), [values[index], values[index]], .bool)
  }

  // MARK: Lists

  /// `column IN (...)`, as a search through the sorted values: a row costs their logarithm.
  private func among(_ index: Int, _ operands: [String]) throws(QueryFault) -> Expression {
    let type = columns[index].type
    guard let equal = ScalarFunction.compare(type, .equal),
      let less = ScalarFunction.compare(type, .less)
    else { throw notForType(index, "is") }
    // As `= ANY ('{}')`: not even NULL, so that `not.in.()` lets every row pass.
    guard !operands.isEmpty else { return .bool(false) }
    var datums: [Datum] = []
    for operand in operands { datums.append(try datum(operand, index)) }
    datums.sort { less.apply($0, $1, arena).isTrue }
    let constants = datums.map { Self.constant($0, type) }
    return .among(values[index], .init(constants, equal: equal, less: less))
  }

  // MARK: Patterns

  private func like(_ index: Int, _ pattern: String, _ ignoringCase: Bool) throws(QueryFault)
    -> Expression
  {
    let column = columns[index]
    guard column.type == .text || column.type == .bpchar else {
      throw notForType(index, "like and ilike on text")
    }
    guard pattern.utf8.count <= FilterLimits.patternBytesMax else { throw .patternTooLong }
    var bytes = pattern.utf8.map { $0 == UInt8(ascii: "*") ? UInt8(ascii: "%") : $0 }
    guard bytes.reversed().prefix(while: { $0 == UInt8(ascii: "\\") }).count % 2 == 0 else {
      throw .patternEndsInEscape
    }
    guard ignoringCase else {
      return .call(.like, [values[index], Self.constant(bytes)], .bool)
    }
    // As the server does: both sides in lower case, then LIKE.
    let letters: LetterCase = column.ordering.hasASCIICaseOnly ? .ascii : .unicode
    bytes = bytes.withUnsafeBytes { letters.lowercased($0) }
    return .call(
      .like,
      [.call(.lowercase(letters), [values[index]], .text), Self.constant(bytes)], .bool)
  }

  // MARK: Operands

  private func constant(_ operand: String, _ index: Int) throws(QueryFault) -> Expression.Constant {
    let value = try datum(operand, index)
    return Self.constant(value, columns[index].type)
  }

  /// The operand as the input function of the column's type reads it.
  private func datum(_ operand: String, _ index: Int) throws(QueryFault) -> Datum {
    let column = columns[index]
    let isLabel = column.type != .enumeration || column.ordering.labels.contains(operand)
    guard let datum = column.type.parse(operand, arena), isLabel else {
      throw .notOfType(operand: operand, column: column.name, typeName: column.typeName)
    }
    return datum
  }

  private static func constant(_ datum: Datum, _ type: ColumnType) -> Expression.Constant {
    switch datum {
    case .null, .fault: Expression.Constant(.null, type)
    case .word(let word): Expression.Constant(.word(word), type)
    case .bytes(let bytes): Expression.Constant(.bytes(Array(bytes)), type)
    }
  }

  private static func constant(_ pattern: [UInt8]) -> Expression {
    .constant(Expression.Constant(.bytes(pattern), .text))
  }

  private func checkIsBool(_ index: Int) throws(QueryFault) {
    guard columns[index].type == .bool else { throw notForType(index, "is.null") }
  }

  private func notForType(_ index: Int, _ allowed: String) -> QueryFault {
    .operatorNotForType(
      column: columns[index].name, typeName: columns[index].typeName, allowed: allowed)
  }
}

extension ColumnType {
  /// `CASE WHEN value > cap THEN cap ELSE value END`; nil where values are no numbers.
  fileprivate func capped(_ value: Expression, at cap: Int64) -> Expression? {
    guard let constant = number(cap), let greater = ScalarFunction.compare(self, .greater) else {
      return nil
    }
    let cap = Expression.constant(Expression.Constant(constant, self))
    return .choose(
      [.init(.call(greater, [value, cap], .bool), cap)], otherwise: value, self)
  }
}

import Engine

/// Compiles the expressions of one `SELECT`.
///
/// An aggregate becomes a column of the pseudo input ``aggregateInput``, and an entry of ``aggregates``.
struct ExpressionCompiler {
  static let aggregateInput = -1

  private let allowsAggregates: Bool
  private(set) var aggregates: [Plan.Aggregate] = []
  /// The operands of the `CASE x WHEN` around, for which `CASETESTEXPR` stands.
  private var caseOperands: [Expression] = []
  private var depth = 0

  /// Deeper than people write and shallow enough for the stack.
  private static let depthMax = 500

  init(allowsAggregates: Bool) { self.allowsAggregates = allowsAggregates }

  mutating func compileCondition(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression? {
    tree.isNull ? nil : try compile(tree, &query, &compiler)
  }

  mutating func compile(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.depthMax else {
      throw query.refusal("an expression nested \(depth) deep", "split it over several views")
    }
    switch tree.tag {
    case "VAR": return try query.column(tree, &self, &compiler)
    case "CONST": return try constant(tree, query, compiler)
    case "FUNCEXPR": return try function(tree, tree.oid("funcid"), &query, &compiler)
    case "OPEXPR": return try function(tree, tree.oid("opfuncid"), &query, &compiler)
    case "DISTINCTEXPR", "NULLIFEXPR": return try equalityForm(tree, &query, &compiler)
    case "BOOLEXPR": return try logic(tree, &query, &compiler)
    case "COLLATEEXPR", "COLLATE": return try collate(tree, &query, &compiler)
    case "RELABELTYPE": return try relabel(tree, &query, &compiler)
    case "COERCEVIAIO": return try coerceThroughText(tree, &query, &compiler)
    case "CASEEXPR": return try choose(tree, &query, &compiler)
    case "CASETESTEXPR":
      guard let operand = caseOperands.last else { throw unsupported(tree, query) }
      return operand
    case "COALESCEEXPR", "COALESCE":
      let operands = try list(tree["args"], &query, &compiler)
      return .coalesce(operands, operands[0].type)
    case "MINMAXEXPR", "MINMAX": return try extremum(tree, &query, &compiler)
    case "NULLTEST": return try nullTest(tree, &query, &compiler)
    case "BOOLEANTEST": return try booleanTest(tree, &query, &compiler)
    case "SCALARARRAYOPEXPR": return try anyOrAll(tree, &query, &compiler)
    case "AGGREF": return try aggregate(tree, &query, &compiler)
    default: throw unsupported(tree, query)
    }
  }

  private func unsupported(_ tree: NodeTree, _ query: QueryCompiler) -> Refusal {
    let tag = tree.tag ?? "an unknown expression"
    let known: [String: (String, String)] = [
      "SQLVALUEFUNCTION": ("CURRENT_DATE or its like", "compare in the client, or keep a column"),
      "SUBLINK": ("a subquery in an expression", "write it as a join"),
      "WINDOWFUNC": ("a window function", "group instead, or rank in the client"),
      "PARAM": ("a parameter", "write the value"),
      "ROWEXPR": ("a row constructor", "name the columns"),
      "ARRAYEXPR": ("an array constructor", "use one column each"),
      "FIELDSELECT": ("a field of a composite value", "use plain columns"),
    ]
    let (construct, advice) = known[tag] ?? (tag, "not supported; move it into a table column")
    return query.refusal(construct, advice)
  }

  private mutating func list(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> [Expression] {
    var expressions: [Expression] = []
    for element in tree.elements {
      expressions.append(try compile(element, &query, &compiler))
    }
    return expressions
  }

  private func type(_ oid: UInt32, _ query: QueryCompiler, _ compiler: ViewCompiler)
    throws(Refusal) -> ColumnType
  {
    guard let type = compiler.catalog.columnType(oid) else {
      throw query.refusal(
        "a value of type \(compiler.catalog.typeName(oid))", "cast it to a supported type")
    }
    return type
  }

  private func constant(_ tree: NodeTree, _ query: QueryCompiler, _ compiler: ViewCompiler)
    throws(Refusal) -> Expression
  {
    let type = try type(tree.oid("consttype"), query, compiler)
    if tree.flag("constisnull") { return .null(type) }
    guard case .bytes(let bytes) = tree["constvalue"],
      let value = ConstantDecoder.decode(bytes, type, enumLabels: compiler.catalog.enumLabels)
    else { throw query.refusal("a constant that can't be read", "write it another way") }
    return .constant(Expression.Constant(value, type))
  }

  // MARK: Functions and operators

  private mutating func function(
    _ tree: NodeTree, _ oid: UInt32, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let arguments = try list(tree["args"], &query, &compiler)
    let result = tree.oid(tree.tag == "OPEXPR" ? "opresulttype" : "funcresulttype")
    let type = try type(result, query, compiler)
    let named = try resolve(oid, query, compiler)
    if let call = FunctionResolver.call(named, arguments, type) {
      try checkOrder(call, tree, query, compiler)
      return call
    }
    let signature = arguments.map { "\($0.type)" }.joined(separator: ", ")
    throw query.refusal(
      "function \(named.name)(\(signature))",
      named.isVolatile
        ? "its result changes by itself; compare in the client, or keep a column"
        : "not supported; compute it in a table column")
  }

  private func resolve(_ oid: UInt32, _ query: QueryCompiler, _ compiler: ViewCompiler)
    throws(Refusal) -> CatalogSnapshot.Function
  {
    guard let function = compiler.catalog.functions[oid] else {
      throw query.refusal("function \(oid)", "it is not in the catalog")
    }
    guard function.isSystem else {
      throw query.refusal(
        "function \(function.name)", "only Postgres's own can be kept live; write its body here")
    }
    return function
  }

  /// Refuses an order of text that only the operating system's collation knows.
  private func checkOrder(
    _ expression: Expression, _ tree: NodeTree, _ query: QueryCompiler, _ compiler: ViewCompiler
  ) throws(Refusal) {
    guard case .call(let function, let arguments, _) = expression, function.needsOrder,
      let operand = arguments.first?.type
    else { return }
    try checkOrder(of: operand, tree, query, compiler)
  }

  private func checkOrder(
    of type: ColumnType, _ tree: NodeTree, _ query: QueryCompiler, _ compiler: ViewCompiler
  ) throws(Refusal) {
    switch type {
    case .text, .bpchar:
      guard compiler.catalog.byteOrderedCollations.contains(tree.oid("inputcollid")) else {
        throw query.refusal(
          "an order of text under a locale's collation", "add COLLATE \"C\" to it")
      }
    case .enumeration:
      throw query.refusal("an order of enum values", "compare for equality only")
    case .json, .jsonb: throw query.refusal("an order of \(type) values", "order by a column")
    case .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .numeric,
      .uuid:
      break
    }
  }

  private mutating func equalityForm(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let arguments = try list(tree["args"], &query, &compiler)
    let named = try resolve(tree.oid("opfuncid"), query, compiler)
    guard
      case .call(let equality, let operands, _)? = FunctionResolver.call(named, arguments, .bool),
      equality.isEquality, operands.count == 2
    else { throw query.refusal("function \(named.name)", "not supported here") }
    if tree.tag == "DISTINCTEXPR" {
      return .isDistinct(equality: equality, operands[0], operands[1])
    }
    let branch = Expression.Branch(.call(equality, operands, .bool), .null(operands[0].type))
    return .choose([branch], otherwise: operands[0], operands[0].type)
  }

  private mutating func logic(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let operands = try list(tree["args"], &query, &compiler)
    switch tree["boolop"].text {
    case "and": return .and(operands)
    case "or": return .or(operands)
    case "not" where operands.count == 1: return .not(operands[0])
    default: throw unsupported(tree, query)
    }
  }

  private mutating func relabel(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let operand = try compile(tree["arg"], &query, &compiler)
    let type = try type(tree.oid("resulttype"), query, compiler)
    guard operand.type == type else {
      throw query.refusal("a cast from \(operand.type) to \(type)", "not supported")
    }
    return operand
  }

  /// The collation is the caller's `inputcollid` as well; here it only must be one that tells different bytes apart.
  private mutating func collate(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    guard !compiler.catalog.nondeterministicCollations.contains(tree.oid("collOid")) else {
      throw query.refusal("a nondeterministic collation", "use a deterministic one")
    }
    return try compile(tree["arg"], &query, &compiler)
  }

  private mutating func coerceThroughText(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let operand = try compile(tree["arg"], &query, &compiler)
    let type = try type(tree.oid("resulttype"), query, compiler)
    switch (operand.type, type) {
    case (.enumeration, .text), (.text, .text): return .call(.toText(.text), [operand], .text)
    case (.bool, .text), (.int2, .text), (.int4, .text), (.int8, .text), (.numeric, .text),
      (.uuid, .text), (.date, .text), (.timestamp, .text), (.float4, .text), (.float8, .text):
      return .call(.toText(operand.type), [operand], .text)
    default:
      throw query.refusal(
        "a cast from \(operand.type) to \(type)", "not supported; compute it in a table column")
    }
  }

  // MARK: Conditional forms

  private mutating func choose(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let type = try type(tree.oid("casetype"), query, compiler)
    let hasOperand = !tree["arg"].isNull
    if hasOperand { caseOperands.append(try compile(tree["arg"], &query, &compiler)) }
    defer { if hasOperand { caseOperands.removeLast() } }
    var branches: [Expression.Branch] = []
    for branch in tree["args"].elements {
      branches.append(
        Expression.Branch(
          try compile(branch["expr"], &query, &compiler),
          try compile(branch["result"], &query, &compiler)))
    }
    let otherwise =
      tree["defresult"].isNull ? .null(type) : try compile(tree["defresult"], &query, &compiler)
    return .choose(branches, otherwise: otherwise, type)
  }

  private mutating func extremum(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let operands = try list(tree["args"], &query, &compiler)
    let type = operands[0].type
    try checkOrder(of: type, tree, query, compiler)
    let comparison: ScalarFunction.Comparison = tree.int("op") == 0 ? .greater : .less
    guard let precedes = ScalarFunction.compare(type, comparison) else {
      throw query.refusal("GREATEST or LEAST of \(type)", "not supported")
    }
    return .extremum(precedes: precedes, operands, type)
  }

  private mutating func nullTest(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let test = Expression.isNull(try compile(tree["arg"], &query, &compiler))
    return tree.int("nulltesttype") == 0 ? test : .not(test)
  }

  private mutating func booleanTest(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let operand = try compile(tree["arg"], &query, &compiler)
    let isTrue = Expression.choose(
      [Expression.Branch(operand, .bool(true))], otherwise: .bool(false), .bool)
    let isFalse = Expression.choose(
      [Expression.Branch(.not(operand), .bool(true))], otherwise: .bool(false), .bool)
    switch tree.int("booltesttype") {
    case 0: return isTrue
    case 1: return .not(isTrue)
    case 2: return isFalse
    case 3: return .not(isFalse)
    case 4: return .isNull(operand)
    case 5: return .not(.isNull(operand))
    default: throw unsupported(tree, query)
    }
  }

  /// `x = ANY (array)` and `x <> ALL (array)`, as `IN` and `NOT IN` become.
  private mutating func anyOrAll(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    let arguments = tree["args"].elements
    guard arguments.count == 2 else { throw unsupported(tree, query) }
    let operand = try compile(arguments[0], &query, &compiler)
    let named = try resolve(tree.oid("opfuncid"), query, compiler)
    var tests: [Expression] = []
    for element in try arrayElements(arguments[1], &query, &compiler) {
      guard let test = FunctionResolver.call(named, [operand, element], .bool) else {
        throw query.refusal("function \(named.name) over an array", "not supported")
      }
      try checkOrder(test, tree, query, compiler)
      tests.append(test)
    }
    return tree.flag("useOr") ? .or(tests) : .and(tests)
  }

  private mutating func arrayElements(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> [Expression] {
    switch tree.tag {
    case "ARRAYEXPR", "ARRAY": return try list(tree["elements"], &query, &compiler)
    case "RELABELTYPE": return try arrayElements(tree["arg"], &query, &compiler)
    case "ARRAYCOERCEEXPR":
      let elements = try arrayElements(tree["arg"], &query, &compiler)
      guard try isRelabeling(tree["elemexpr"], elements, query, compiler) else {
        throw query.refusal("a cast of an array", "write the values with the type they are to have")
      }
      return elements
    case "CONST":
      if case .bytes(let bytes) = tree["constvalue"],
        let (elementOID, values) = ConstantDecoder.decodeArray(
          bytes, { compiler.catalog.columnType($0) }, enumLabels: compiler.catalog.enumLabels)
      {
        let type = try type(elementOID, query, compiler)
        return values.map { .constant(Expression.Constant($0, type)) }
      }
    default: break
    }
    throw query.refusal("an array that is not a list of values", "use IN (...) or a join")
  }

  /// Whether a cast of an array's elements leaves each as it is.
  private func isRelabeling(
    _ cast: NodeTree, _ elements: [Expression], _ query: QueryCompiler, _ compiler: ViewCompiler
  ) throws(Refusal) -> Bool {
    if cast.tag == "CASETESTEXPR" { return true }
    guard cast.tag == "RELABELTYPE", cast["arg"].tag == "CASETESTEXPR" else { return false }
    let type = try type(cast.oid("resulttype"), query, compiler)
    return elements.allSatisfy { $0.type == type }
  }

  // MARK: Aggregates

  private mutating func aggregate(
    _ tree: NodeTree, _ query: inout QueryCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    guard allowsAggregates, tree.int("agglevelsup") == 0 else {
      throw query.refusal("an aggregate in this place", "group in a subquery")
    }
    let function = try resolve(tree.oid("aggfnoid"), query, compiler)
    guard tree["aggorder"].isNull else {
      throw query.refusal("\(function.name) with ORDER BY", "not supported")
    }
    var inner = ExpressionCompiler(allowsAggregates: false)
    var arguments: [Expression] = []
    for argument in tree["args"].elements {
      arguments.append(try inner.compile(argument["expr"], &query, &compiler))
    }
    let filter = try inner.compileCondition(tree["aggfilter"], &query, &compiler)
    let call = AggregateCall(
      name: function.name, arguments: arguments, filter: filter,
      isDistinct: !tree["aggdistinct"].isNull)
    if let argument = arguments.first, call.needsOrder {
      try checkOrder(of: argument.type, tree, query, compiler)
    }
    guard let expression = call.expression(adding: { addAggregate($0) }) else {
      let types = arguments.map { "\($0.type)" }.joined(separator: ", ")
      throw query.refusal(
        "aggregate \(function.name)(\(call.isDistinct ? "DISTINCT " : "")\(types))",
        "not supported; use sum, count, min, max, avg, bool_and or bool_or")
    }
    return expression
  }

  private mutating func addAggregate(_ aggregate: Plan.Aggregate) -> Expression {
    let index = aggregates.firstIndex(of: aggregate) ?? aggregates.count
    if index == aggregates.count { aggregates.append(aggregate) }
    return .column(
      Expression.Column(input: Self.aggregateInput, index: index, type: aggregate.type))
  }
}

import Engine

/// Compiles one `SELECT`: the leaves it reads, the conditions on them, grouping and output.
///
/// Expressions name a leaf by its number (`Column.input`) and a column of that leaf's node.
struct QueryCompiler {
  let view: String
  private let query: NodeTree
  private let outerQueries: [NodeTree]
  private(set) var leaves: [CompiledRelation] = []
  /// The leaf that each range table entry became.
  private var leafOfEntry: [Int: Int] = [:]

  /// Queries inside queries: more than people write, and shallow enough for the stack.
  private static let depthMax = 100

  static func compile(
    _ query: NodeTree, of view: String, outerQueries: [NodeTree], in compiler: inout ViewCompiler
  ) throws(Refusal) -> CompiledRelation {
    var queryCompiler = QueryCompiler(view: view, query: query, outerQueries: outerQueries)
    return try queryCompiler.compile(&compiler)
  }

  private init(view: String, query: NodeTree, outerQueries: [NodeTree]) {
    self.view = view
    self.query = query
    self.outerQueries = outerQueries
  }

  func refusal(_ construct: String, _ advice: String) -> Refusal {
    Refusal(subject: view, construct: construct, advice: advice)
  }

  private mutating func compile(_ compiler: inout ViewCompiler) throws(Refusal) -> CompiledRelation
  {
    guard outerQueries.count < Self.depthMax else {
      throw refusal("queries nested \(Self.depthMax) deep", "split it over several views")
    }
    try checkSupported()
    if !query["setOperations"].isNull { return try setOperation(&compiler) }
    let from = try compileFrom(&compiler)

    let targets = query["targetList"].elements.filter { !$0.flag("resjunk") }
    var select = SelectList(names: targets.map { $0["resname"].text ?? "?column?" })
    let grouped =
      query.flag("hasAggs") || !query["groupClause"].isNull || !query["havingQual"].isNull
    var scope = ExpressionCompiler(allowsAggregates: grouped)
    for target in targets {
      select.expressions.append(try scope.compile(target["expr"], &self, &compiler))
    }
    if grouped {
      select.having = try scope.compileCondition(query["havingQual"], &self, &compiler)
      var keyScope = ExpressionCompiler(allowsAggregates: false)
      for clause in query["groupClause"].elements {
        let reference = clause.int("tleSortGroupRef")
        let target = query["targetList"].elements.first {
          $0.int("ressortgroupref") == reference
        }
        guard let target else { throw refusal("GROUP BY", "its target is missing") }
        select.keys.append(try keyScope.compile(target["expr"], &self, &compiler))
      }
      select.aggregates = scope.aggregates
    }
    let (tree, places) = OuterJoinPlanner(leaves: leaves).tree(
      of: from, reading: select.columns, in: &compiler)
    select.mapExpressions(places.placed)
    let relation =
      try grouped
      ? GroupingPlanner.plan(select, from: tree, subject: view, in: &compiler)
      : JoinPlanner.project(select, from: tree, in: &compiler)
    return query["distinctClause"].isNull ? relation : try distinct(relation, &compiler)
  }

  private func checkSupported() throws(Refusal) {
    guard query.tag == "QUERY", query.int("commandType") == 1 else {
      throw refusal("a rule that is not a SELECT", "define it with CREATE VIEW ... AS SELECT")
    }
    let flags: [(String, String, String)] = [
      ("hasWindowFuncs", "window functions", "group instead, or rank in the client"),
      ("hasTargetSRFs", "set-returning functions", "join a table instead"),
      ("hasSubLinks", "a subquery in an expression", "write it as a join"),
      ("hasDistinctOn", "DISTINCT ON", "use MIN or MAX with GROUP BY"),
      ("hasRecursive", "WITH RECURSIVE", "keep the closure in a table"),
      ("hasModifyingCTE", "data-modifying WITH", "a view only reads"),
      ("hasForUpdate", "FOR UPDATE", "leave it out"),
    ]
    for (flag, construct, advice) in flags where query.flag(flag) {
      throw refusal(construct, advice)
    }
    guard query["limitCount"].isNull, query["limitOffset"].isNull else {
      throw refusal("LIMIT or OFFSET", "leave it out and limit the query to the view")
    }
    guard query["groupingSets"].isNull else {
      throw refusal("GROUPING SETS, ROLLUP or CUBE", "one view per grouping")
    }
  }

  // MARK: FROM

  private mutating func compileFrom(_ compiler: inout ViewCompiler) throws(Refusal) -> FromItem {
    let from = try fromItem(query["jointree"], &compiler)
    if leaves.isEmpty {
      throw refusal("a SELECT without FROM", "it never changes; keep the value in a table")
    }
    return from
  }

  private mutating func fromItem(_ item: NodeTree, _ compiler: inout ViewCompiler)
    throws(Refusal) -> FromItem
  {
    switch item.tag {
    case "FROMEXPR":
      var items: [FromItem] = []
      for child in item["fromlist"].elements { items.append(try fromItem(child, &compiler)) }
      return .inner(items, conditions: try conditions(item["quals"], &compiler))
    case "JOINEXPR":
      let left = try fromItem(item["larg"], &compiler)
      let right = try fromItem(item["rarg"], &compiler)
      let conditions = try conditions(item["quals"], &compiler)
      let joined = left.leaves.union(right.leaves)
      guard conditions.allSatisfy({ $0.inputs.isSubset(of: joined) }) else {
        throw refusal("a join condition on what is not joined", "move it to WHERE")
      }
      // JoinType in nodes.h.
      switch item.int("jointype") {
      case 0: return .inner([left, right], conditions: conditions)
      case 1: return .outer(.left, left, right, on: conditions)
      case 2: return .outer(.full, left, right, on: conditions)
      case 3: return .outer(.left, right, left, on: conditions)
      default: throw refusal("a join of an unknown kind", "use inner and outer joins")
      }
    case "RANGETBLREF":
      let leaf = leaves.count
      try addLeaf(item.int("rtindex"), &compiler)
      return leaves.count > leaf ? .leaf(leaf) : .inner([], conditions: [])
    default: throw refusal("\(item.tag ?? "an unknown item") in FROM", "use tables and joins")
    }
  }

  private mutating func conditions(_ tree: NodeTree, _ compiler: inout ViewCompiler)
    throws(Refusal) -> [Expression]
  {
    var scope = ExpressionCompiler(allowsAggregates: false)
    return try scope.compileCondition(tree, &self, &compiler)?.conjuncts ?? []
  }

  private mutating func addLeaf(_ index: Int, _ compiler: inout ViewCompiler) throws(Refusal) {
    let entry = rangeTableEntry(index)
    guard !entry.flag("lateral") else { throw refusal("LATERAL", "write it as a join") }
    guard entry["tablesample"].isNull else {
      throw refusal("TABLESAMPLE", "a sample can't be kept live")
    }
    let leaf: CompiledRelation
    switch entry.int("rtekind") {
    case 0: leaf = try compiler.relation(entry.oid("relid"), readBy: view)
    case 1:
      leaf = try QueryCompiler.compile(
        entry["subquery"], of: view, outerQueries: [query] + outerQueries, in: &compiler)
    case 6: leaf = try commonTable(entry, &compiler)
    case 3: throw refusal("a function in FROM", "join a table instead")
    case 5: throw refusal("VALUES in FROM", "keep the values in a table")
    case 8: return
    default: throw refusal("an unknown item in FROM", "use tables, views, subqueries and WITH")
    }
    leafOfEntry[index] = leaves.count
    leaves.append(leaf)
  }

  func rangeTableEntry(_ index: Int) -> NodeTree {
    let entries = query["rtable"].elements
    return entries.indices.contains(index - 1) ? entries[index - 1] : .null
  }

  private func commonTable(_ entry: NodeTree, _ compiler: inout ViewCompiler) throws(Refusal)
    -> CompiledRelation
  {
    let queries = [query] + outerQueries
    let level = entry.int("ctelevelsup")
    guard queries.indices.contains(level),
      let table = queries[level]["cteList"].elements.first(where: {
        $0["ctename"].text == entry["ctename"].text
      })
    else { throw refusal("WITH \(entry["ctename"].text ?? "")", "its query is missing") }
    return try QueryCompiler.compile(
      table["ctequery"], of: view, outerQueries: Array(queries[level...]), in: &compiler)
  }

  /// What a `Var` names.
  mutating func column(
    _ variable: NodeTree, _ scope: inout ExpressionCompiler, _ compiler: inout ViewCompiler
  ) throws(Refusal) -> Expression {
    guard variable.int("varlevelsup") == 0 else {
      throw refusal("a reference to an outer query", "write it as a join")
    }
    let attribute = variable.int("varattno")
    let number = variable.int("varno")
    let entry = rangeTableEntry(number)
    switch entry.int("rtekind") {
    case 2:
      let aliases = entry["joinaliasvars"].elements
      guard aliases.indices.contains(attribute - 1) else {
        throw refusal("a whole joined row", "name the columns")
      }
      return try scope.compile(aliases[attribute - 1], &self, &compiler)
    case 9:
      // PG 18 puts grouping expressions behind an entry of kind GROUP.
      let expressions = entry["groupexprs"].elements
      guard expressions.indices.contains(attribute - 1) else {
        throw refusal("a whole grouped row", "name the columns")
      }
      return try scope.compile(expressions[attribute - 1], &self, &compiler)
    default: break
    }
    guard let leaf = leafOfEntry[number] else {
      throw refusal("a reference to range table entry \(number)", "simplify FROM")
    }
    guard !compiler.catalog.nondeterministicCollations.contains(variable.oid("varcollid")) else {
      throw refusal(
        "a column with a nondeterministic collation", "use a deterministic one for it")
    }
    if let table = leaves[leaf].table {
      var column = try compiler.column(attribute, of: table, readBy: view)
      column.input = leaf
      return .column(column)
    }
    guard leaves[leaf].visible.indices.contains(attribute - 1) else {
      throw refusal("a whole row", "name the columns")
    }
    return .column(
      Expression.Column(
        input: leaf, index: attribute - 1, type: leaves[leaf].visible[attribute - 1]))
  }

  // MARK: UNION ALL and DISTINCT

  private mutating func setOperation(_ compiler: inout ViewCompiler) throws(Refusal)
    -> CompiledRelation
  {
    let relation = try setOperand(query["setOperations"], &compiler)
    var named = relation
    named.names = query["targetList"].elements.filter { !$0.flag("resjunk") }.map {
      $0["resname"].text ?? "?column?"
    }
    return named
  }

  private mutating func setOperand(_ tree: NodeTree, _ compiler: inout ViewCompiler)
    throws(Refusal) -> CompiledRelation
  {
    if tree.tag == "RANGETBLREF" {
      let leaf = leaves.count
      try addLeaf(tree.int("rtindex"), &compiler)
      guard leaves.indices.contains(leaf) else {
        throw refusal("a UNION of nothing", "read a table")
      }
      return try visiblePart(leaves[leaf], &compiler)
    }
    // SetOperation: SETOP_UNION is 1 (0 is none).
    guard tree.int("op") == 1 else {
      throw refusal("INTERSECT or EXCEPT", "use a join")
    }
    let left = try setOperand(tree["larg"], &compiler)
    let right = try setOperand(tree["rarg"], &compiler)
    guard left.visible == right.visible else {
      throw refusal("UNION of different types", "cast the columns to one type")
    }
    let union = CompiledRelation(
      node: compiler.plan.add(.union([left.node, right.node])), visible: left.visible,
      names: left.names, estimatedRows: left.estimatedRows + right.estimatedRows)
    return tree.flag("all") ? union : try distinct(union, &compiler)
  }

  /// The relation without hidden columns, so that both sides of a union are alike.
  private func visiblePart(_ relation: CompiledRelation, _ compiler: inout ViewCompiler)
    throws(Refusal) -> CompiledRelation
  {
    guard compiler.plan.types(of: relation.node).count != relation.visible.count else {
      return relation
    }
    let outputs = relation.visible.enumerated().map {
      Expression.column(Expression.Column(index: $0.offset, type: $0.element))
    }
    var part = relation
    part = CompiledRelation(
      node: compiler.plan.add(.map(input: relation.node, filter: nil, outputs: outputs)),
      visible: relation.visible, names: relation.names, estimatedRows: relation.estimatedRows)
    return part
  }

  private func distinct(_ relation: CompiledRelation, _ compiler: inout ViewCompiler)
    throws(Refusal) -> CompiledRelation
  {
    if let type = relation.visible.first(where: { !$0.hasEquality }) {
      throw refusal("DISTINCT or UNION over a \(type) column", "leave the column out")
    }
    let keys = relation.visible.enumerated().map {
      Expression.column(Expression.Column(index: $0.offset, type: $0.element))
    }
    var distinct = CompiledRelation(
      node: compiler.plan.add(
        .aggregate(input: relation.node, filter: nil, keys: keys, aggregates: [])),
      visible: relation.visible, names: relation.names,
      dependencies: relation.dependencies.projected(Array(keys.indices)))
    distinct.identity = distinct.dependencies.minimized(Array(keys.indices))
    return distinct
  }
}

/// The output of a query before it is planned.
struct SelectList {
  let names: [String]
  var expressions: [Expression] = []
  var keys: [Expression] = []
  var aggregates: [Plan.Aggregate] = []
  var having: Expression?

  init(names: [String]) { self.names = names }

  /// Everything that is read of what the query joins.
  var columns: Set<Expression.Column> {
    let all =
      expressions + keys + [having].compactMap { $0 }
      + aggregates.flatMap { [$0.argument, $0.filter].compactMap { $0 } }
    return all.reduce(into: []) { $0.formUnion($1.columns) }
  }

  mutating func mapExpressions(_ change: (Expression) -> Expression) {
    expressions = expressions.map(change)
    keys = keys.map(change)
    having = having.map(change)
    aggregates = aggregates.map { aggregate in
      Plan.Aggregate(
        aggregate.function, of: aggregate.argument.map(change),
        filter: aggregate.filter.map(change), type: aggregate.type)
    }
  }
}

extension Expression {
  /// The parts of an AND, all of which must hold.
  var conjuncts: [Expression] {
    if case .and(let operands) = self { operands.flatMap(\.conjuncts) } else { [self] }
  }

  /// The AND of conditions; nil for none.
  static func conjunction(_ conditions: [Expression]) -> Expression? {
    switch conditions.count {
    case 0: nil
    case 1: conditions[0]
    default: .and(conditions)
    }
  }
}

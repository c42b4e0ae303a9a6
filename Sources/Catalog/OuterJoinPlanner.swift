import Engine

/// Makes one join tree of what a query reads, with each outer join as a leaf of its own.
///
/// Inside an outer join the conditions of `ON` belong to the match; conditions around it see its result only.
struct OuterJoinPlanner {
  /// The relations that the query's expressions name by number.
  let leaves: [CompiledRelation]

  /// - Parameter columns: what is read of the result.
  func tree(
    of item: FromItem, reading columns: Set<Expression.Column>, in compiler: inout ViewCompiler
  ) -> (JoinTree, ColumnPlaces) {
    let (items, conditions) = item.flattened
    let needed = conditions.reduce(into: columns) { $0.formUnion($1.columns) }
    var places = ColumnPlaces()
    var relations: [CompiledRelation] = []
    for item in items {
      switch item {
      case .leaf(let leaf):
        places.leaves[leaf] = relations.count
        relations.append(leaves[leaf])
      case .outer(let kind, let left, let right, let conditions):
        let shown = needed.filter { item.leaves.contains($0.input) }.sorted(by: Self.precedes)
        for (index, column) in shown.enumerated() {
          places.columns[column] = Expression.Column(
            input: relations.count, index: index, type: column.type)
        }
        relations.append(
          join(kind, left, right, OnClause(conditions, kind, left, right), shown, &compiler))
      case .inner: break
      }
    }
    let tree = JoinTree(
      leaves: relations, conditions: conditions.map(places.placed), compiler: compiler)
    return (tree, places)
  }

  private static func precedes(_ a: Expression.Column, _ b: Expression.Column) -> Bool {
    (a.input, a.index) < (b.input, b.index)
  }

  /// A relation whose first columns are `shown`, with what tells its rows apart behind them.
  private func join(
    _ kind: Plan.OuterJoinKind, _ left: FromItem, _ right: FromItem, _ on: OnClause,
    _ shown: [Expression.Column], _ compiler: inout ViewCompiler
  ) -> CompiledRelation {
    let read = on.residual.reduce(into: Set(shown)) { $0.formUnion($1.columns) }
    let isFull = kind == .full
    let sides = (
      side(left, read, keys: on.equalities.map(\.left), isFull, &compiler),
      side(
        .inner([right], conditions: on.rightFilter), read, keys: on.equalities.map(\.right),
        isFull, &compiler)
    )
    let result = OuterJoinColumns(kind, sides.0, sides.1, on)
    func column(_ number: Int) -> Expression {
      let index = number - sides.0.types.count
      return index < 0
        ? .column(Expression.Column(input: 0, index: number, type: sides.0.types[number]))
        : .column(Expression.Column(input: 1, index: index, type: sides.1.types[index]))
    }
    func number(_ expression: Expression) -> Int? {
      sides.0.expressions.firstIndex(of: expression)
        ?? sides.1.expressions.firstIndex(of: expression).map { $0 + sides.0.types.count }
    }
    func placed(_ expression: Expression) -> Expression {
      expression.rewritten { (part: Expression) -> Expression? in number(part).map(column) }
    }
    var projection = Projection(shown.map { placed(.column($0)) }) { expression in
      guard case .column(let column) = expression else { return nil }
      return column.input == 0 ? column.index : sides.0.types.count + column.index
    }
    if let identity = result.identity {
      projection.addIdentity(identity, result.dependencies, column: column)
    }
    let equalities = on.equalities.compactMap { equality -> Plan.JoinEquality? in
      guard case .column(let left) = placed(equality.left),
        case .column(let right) = placed(equality.right)
      else { return nil }
      return Plan.JoinEquality(left, right)
    }
    let node = compiler.plan.add(
      .outerJoin(
        left: sides.0.relation.node, right: sides.1.relation.node, kind: kind,
        equalities: equalities, residual: Expression.conjunction(on.residual.map(placed)),
        outputs: projection.outputs))
    return projection.relation(
      node: node, names: [], dependencies: result.dependencies,
      estimatedRows: max(
        sides.0.relation.estimatedRows, isFull ? sides.1.relation.estimatedRows : 0))
  }

  /// One input of an outer join: a relation whose first columns are `expressions`.
  struct Side {
    let relation: CompiledRelation
    let expressions: [Expression]
    let types: [ColumnType]
    /// The column that is not null in the input's rows, where rows without it have to be told.
    let presence: Int?
  }

  private func side(
    _ item: FromItem, _ read: Set<Expression.Column>, keys: [Expression], _ marksPresence: Bool,
    _ compiler: inout ViewCompiler
  ) -> Side {
    let own = read.filter { item.leaves.contains($0.input) }.sorted(by: Self.precedes)
    let expressions = (own.map { .column($0) } + keys).uniqued
    let columns = expressions.reduce(into: Set<Expression.Column>()) { $0.formUnion($1.columns) }
    let (tree, places) = tree(of: item, reading: columns, in: &compiler)
    var select = SelectList(names: [])
    select.expressions = expressions.map(places.placed)
    if marksPresence { select.expressions.append(.bool(true)) }
    let relation = JoinPlanner.project(select, from: tree, in: &compiler)
    return Side(
      relation: relation, expressions: expressions, types: compiler.plan.types(of: relation.node),
      presence: marksPresence ? expressions.count : nil)
  }
}

/// The conditions of an outer join, by what becomes of each.
struct OnClause {
  /// Between the left input and the right one: rows are found by these.
  private(set) var equalities: [(left: Expression, right: Expression)] = []
  /// On the right input alone, where its rows need not stay: left out before they are kept.
  private(set) var rightFilter: [Expression] = []
  private(set) var residual: [Expression] = []

  init(
    _ conditions: [Expression], _ kind: Plan.OuterJoinKind, _ left: FromItem, _ right: FromItem
  ) {
    let (lefts, rights) = (left.leaves, right.leaves)
    for condition in conditions where condition != .bool(true) {
      if kind == .left, !condition.inputs.isEmpty, condition.inputs.isSubset(of: rights) {
        rightFilter.append(condition)
      } else if let (a, b) = JoinTree.equality(condition), a.neverFails, b.neverFails,
        a.inputs.isSubset(of: lefts) != b.inputs.isSubset(of: lefts)
      {
        equalities.append(a.inputs.isSubset(of: lefts) ? (a, b) : (b, a))
      } else {
        residual.append(condition)
      }
    }
  }
}

/// What is known of an outer join's rows: the left input's columns come first, then the right one's.
private struct OuterJoinColumns {
  private(set) var dependencies = FunctionalDependencies()
  private(set) var identity: [Int]?

  init(
    _ kind: Plan.OuterJoinKind, _ left: OuterJoinPlanner.Side, _ right: OuterJoinPlanner.Side,
    _ on: OnClause
  ) {
    let offset = left.types.count
    let rightKey = on.equalities.compactMap { right.expressions.firstIndex(of: $0.right) }
    switch kind {
    case .left:
      dependencies.add(left.relation.dependencies) { $0 }
      // A row of NULLs is told from real ones by a join key, which no match has null.
      if let key = rightKey.first { addRules(of: right, offset, with: key) }
      let isUnique = right.relation.identity.map {
        right.relation.dependencies.closure(of: Set(rightKey)).isSuperset(of: $0)
      }
      if isUnique == true {
        dependencies.add(
          Set(Self.matchColumns(left, on)), determines: Set(right.types.indices.map { $0 + offset })
        )
        identity = left.relation.identity
      } else {
        identity = Self.identity(left, right, offset)
      }
    case .full:
      guard let leftPresence = left.presence, let rightPresence = right.presence else { return }
      addRules(of: left, 0, with: leftPresence)
      addRules(of: right, offset, with: rightPresence)
      identity = Self.identity(left, right, offset).map {
        $0 + [leftPresence, rightPresence + offset]
      }
    }
    identity = identity.map { dependencies.minimized($0) }
  }

  /// The rules of an input, each for rows only in which `column` says that the input is there.
  private mutating func addRules(
    of side: OuterJoinPlanner.Side, _ offset: Int, with column: Int
  ) {
    for rule in side.relation.dependencies.rules {
      dependencies.add(
        Set(rule.from.union([column]).map { $0 + offset }),
        determines: Set(rule.to.map { $0 + offset }))
    }
  }

  /// The left columns that decide what a row matches.
  private static func matchColumns(_ left: OuterJoinPlanner.Side, _ on: OnClause) -> [Int] {
    let read = on.equalities.map(\.left) + on.residual.flatMap { $0.columns.map { .column($0) } }
    return read.compactMap { left.expressions.firstIndex(of: $0) }
  }

  private static func identity(
    _ left: OuterJoinPlanner.Side, _ right: OuterJoinPlanner.Side, _ offset: Int
  ) -> [Int]? {
    guard let own = left.relation.identity, let other = right.relation.identity else { return nil }
    return own + other.map { $0 + offset }
  }
}

extension Expression {
  /// Whether no value that the columns may have makes the expression fail.
  var neverFails: Bool {
    guard children.allSatisfy(\.neverFails) else { return false }
    guard case .call(let function, _, _) = self else { return true }
    switch function {
    case .compareWords, .compareFloats, .compareNumerics, .compareBytes, .compareBlankPadded,
      .negateFloat, .absoluteFloat, .negateNumeric, .absoluteNumeric, .signNumeric, .intToNumeric,
      .intToFloat, .intToBool, .toText, .concatenate, .characterLength, .byteLength:
      return true
    default: return false
    }
  }
}

import Engine

/// Plans a grouped query, grouping the facts before they are joined where that is right.
///
/// Joining first would keep every fact. Instead the facts are grouped by what the join and the groups need of
/// them, the partial groups are joined, and a final aggregation combines them: right also when a reference
/// row matches twice or the view's groups are coarser. It takes aggregates whose arguments and filters come from one leaf.
enum GroupingPlanner {
  static func plan(
    _ select: SelectList, from tree: JoinTree, subject: String, in compiler: inout ViewCompiler
  ) throws(Refusal) -> CompiledRelation {
    var groups = Groups(keys: select.keys)
    let outputs = select.expressions.map { groups.rewritten($0) }
    let having = select.having.map { groups.rewritten($0) }
    if let ungroupable = groups.keys.first(where: { !$0.type.hasEquality }) {
      throw Refusal(
        subject: subject, construct: "GROUP BY a \(ungroupable.type) value",
        advice: "the type has no equality; group by a column of another")
    }
    let (grouped, values) = aggregate(groups.keys, select.aggregates, tree, &compiler)
    func resolved(_ expression: Expression) -> Expression {
      expression.mapColumns { column in
        column.input == ExpressionCompiler.aggregateInput ? values[column.index] : .column(column)
      }
    }
    return project(
      outputs.map(resolved), having: having.map(resolved), names: select.names,
      keys: groups.keys, grouped: grouped, tree: tree, in: &compiler)
  }

  /// The view's columns over its groups.
  private static func project(
    _ outputs: [Expression], having: Expression?, names: [String], keys: [Expression],
    grouped: Plan.NodeID, tree: JoinTree, in compiler: inout ViewCompiler
  ) -> CompiledRelation {
    let types = compiler.plan.types(of: grouped)
    let (joined, _) = tree.dependencies(compiler)
    var dependencies = joined.projected(keys.map { tree.number(of: $0) })
    dependencies.add(Set(keys.indices), determines: Set(types.indices))
    var projection = Projection(outputs) { expression in
      if case .column(let column) = expression { column.index } else { nil }
    }
    projection.addIdentity(dependencies.minimized(Array(keys.indices)), dependencies) {
      .column(Expression.Column(index: $0, type: types[$0]))
    }
    let node = compiler.plan.add(
      .map(input: grouped, filter: having, outputs: projection.outputs))
    let rows = tree.leaves.map(\.estimatedRows).max() ?? 0
    return projection.relation(
      node: node, names: names, dependencies: dependencies, estimatedRows: rows / 10)
  }

  /// The grouping node, whose rows are keys and aggregates, and each aggregate's value over such a row.
  private static func aggregate(
    _ keys: [Expression], _ aggregates: [Plan.Aggregate], _ tree: JoinTree,
    _ compiler: inout ViewCompiler
  ) -> (Plan.NodeID, [Expression]) {
    if tree.leaves.count == 1 {
      let node = compiler.plan.add(
        .aggregate(
          input: tree.leaves[0].node, filter: tree.filter(of: 0), keys: keys,
          aggregates: aggregates))
      return (node, columns(of: aggregates, behind: keys.count))
    }
    if let fact = factLeaf(aggregates, tree) {
      return aggregateBeforeJoin(keys, aggregates, tree, fact, &compiler)
    }
    return aggregateAfterJoin(keys, aggregates, tree, &compiler)
  }

  private static func columns(of aggregates: [Plan.Aggregate], behind keys: Int) -> [Expression] {
    aggregates.enumerated().map {
      .column(Expression.Column(index: keys + $0.offset, type: $0.element.type))
    }
  }

  /// The one leaf that all aggregates read; the largest where they only count rows.
  private static func factLeaf(_ aggregates: [Plan.Aggregate], _ tree: JoinTree) -> Int? {
    var inputs: Set<Int> = []
    for aggregate in aggregates {
      inputs.formUnion(aggregate.argument?.inputs ?? [])
      inputs.formUnion(aggregate.filter?.inputs ?? [])
    }
    switch inputs.count {
    case 0:
      return tree.leaves.indices.max {
        tree.leaves[$0].estimatedRows < tree.leaves[$1].estimatedRows
      }
    case 1: return inputs.first
    default: return nil
    }
  }

  private static func aggregateBeforeJoin(
    _ keys: [Expression], _ aggregates: [Plan.Aggregate], _ tree: JoinTree, _ fact: Int,
    _ compiler: inout ViewCompiler
  ) -> (Plan.NodeID, [Expression]) {
    var combination = PartialCombination()
    for aggregate in aggregates { combination.add(aggregate) }
    let factKeys = keys.filter { $0.inputs == [fact] } + combination.distinctArguments
    let partial = JoinPlanner.Partial(
      leaf: fact, keys: factKeys.uniqued, aggregates: combination.partials)
    let joined = JoinPlanner.join(
      tree, outputs: keys + combination.columns, partial: partial, in: &compiler)
    let final = combination.finals(behind: keys.count)
    let node = compiler.plan.add(
      .aggregate(
        input: joined, filter: nil, keys: columns(keys), aggregates: final))
    return (node, combination.values(behind: keys.count))
  }

  private static func aggregateAfterJoin(
    _ keys: [Expression], _ aggregates: [Plan.Aggregate], _ tree: JoinTree,
    _ compiler: inout ViewCompiler
  ) -> (Plan.NodeID, [Expression]) {
    var outputs = keys
    func column(_ expression: Expression) -> Expression {
      outputs.append(expression)
      return .column(Expression.Column(index: outputs.count - 1, type: expression.type))
    }
    let final = aggregates.map { aggregate in
      Plan.Aggregate(
        aggregate.function, of: aggregate.argument.map(column),
        filter: aggregate.filter.map(column), type: aggregate.type)
    }
    let joined = JoinPlanner.join(tree, outputs: outputs, partial: nil, in: &compiler)
    let node = compiler.plan.add(
      .aggregate(input: joined, filter: nil, keys: columns(keys), aggregates: final))
    return (node, columns(of: final, behind: keys.count))
  }

  private static func columns(_ keys: [Expression]) -> [Expression] {
    keys.enumerated().map {
      .column(Expression.Column(index: $0.offset, type: $0.element.type))
    }
  }
}

/// The grouping expressions, and expressions in terms of them.
private struct Groups {
  private(set) var keys: [Expression]

  init(keys: [Expression]) { self.keys = keys.uniqued }

  /// The expression over a row of keys; aggregates keep their pseudo input.
  ///
  /// A column that is not grouped follows from a primary key that is: Postgres has checked it. It becomes one more key.
  mutating func rewritten(_ expression: Expression) -> Expression {
    var keys = keys
    let result = expression.rewritten { (part: Expression) -> Expression? in
      if let index = keys.firstIndex(of: part) {
        return .column(Expression.Column(index: index, type: part.type))
      }
      guard case .column(let column) = part else { return nil }
      if column.input == ExpressionCompiler.aggregateInput { return part }
      keys.append(part)
      return .column(Expression.Column(index: keys.count - 1, type: column.type))
    }
    self.keys = keys
    return result
  }
}

/// Aggregates in two steps: partial ones over the facts, final ones over joined partial groups.
private struct PartialCombination {
  private(set) var partials: [Plan.Aggregate] = []
  private(set) var distinctArguments: [Expression] = []
  /// What the final aggregation reads of the join, one for each aggregate.
  private(set) var columns: [Expression] = []
  private var functions: [Plan.Aggregate] = []

  mutating func add(_ aggregate: Plan.Aggregate) {
    functions.append(aggregate)
    if aggregate.function == .countDistinct, let argument = aggregate.argument {
      // Each value is in its groups' keys, so that the final step sees it.
      let value = aggregate.filter.map {
        Expression.choose(
          [Expression.Branch($0, argument)], otherwise: .null(argument.type), argument.type)
      }
      distinctArguments.append(value ?? argument)
      columns.append(value ?? argument)
    } else {
      columns.append(
        .column(
          Expression.Column(
            input: ExpressionCompiler.aggregateInput, index: partials.count, type: aggregate.type)))
      partials.append(aggregate)
    }
  }

  func finals(behind keys: Int) -> [Plan.Aggregate] {
    functions.enumerated().map { index, aggregate in
      let function: Plan.Aggregate.Function =
        switch aggregate.function {
        case .count, .sumInt: .sumInt
        case .sumIntAsNumeric, .sumNumeric: .sumNumeric
        case .min: .min
        case .max: .max
        case .countDistinct: .countDistinct
        }
      let column = Expression.Column(index: keys + index, type: columns[index].type)
      return Plan.Aggregate(function, of: .column(column), type: aggregate.type)
    }
  }

  /// Each aggregate's value: a count over no partial group is 0, where a sum is null.
  func values(behind keys: Int) -> [Expression] {
    functions.enumerated().map { index, aggregate in
      let column = Expression.column(Expression.Column(index: keys + index, type: aggregate.type))
      guard aggregate.function == .count else { return column }
      return .coalesce([column, .constant(Expression.Constant(.word(0), .int8))], .int8)
    }
  }
}

extension Array where Element: Hashable {
  /// The elements in order, each once.
  var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

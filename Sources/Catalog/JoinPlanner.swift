import Engine

/// Plans the joining of leaves and what is shown of the result.
enum JoinPlanner {
  /// A leaf that is grouped before it is joined.
  struct Partial {
    let leaf: Int
    /// Expressions over the leaf that its groups must keep.
    let keys: [Expression]
    let aggregates: [Plan.Aggregate]
  }

  /// `SELECT expressions FROM tree`, with hidden columns behind them where its identity needs them.
  static func project(_ select: SelectList, from tree: JoinTree, in compiler: inout ViewCompiler)
    -> CompiledRelation
  {
    let (dependencies, identity) = tree.dependencies(compiler)
    var projection = Projection(select.expressions, numbers: { tree.number(of: $0) })
    if let identity {
      projection.addIdentity(identity, dependencies) { .column(tree.column($0, compiler)) }
    }
    let node = join(tree, outputs: projection.outputs, partial: nil, in: &compiler)
    return projection.relation(
      node: node, names: select.names, dependencies: dependencies,
      estimatedRows: tree.leaves.map(\.estimatedRows).max() ?? 0)
  }

  /// A node whose rows are `outputs` over the joined leaves.
  ///
  /// An output may be a column of the pseudo input for aggregates: it then is one of `partial`.
  static func join(
    _ tree: JoinTree, outputs: [Expression], partial: Partial?, in compiler: inout ViewCompiler
  ) -> Plan.NodeID {
    if tree.leaves.count == 1 {
      return compiler.plan.add(
        .map(input: tree.leaves[0].node, filter: tree.filter(of: 0), outputs: outputs))
    }
    var inputs = needs(tree, outputs: outputs, partial: partial)
    let nodes = tree.leaves.indices.map { leaf in
      prepare(leaf, tree, &inputs[leaf], partial, &compiler)
    }
    func rewritten(_ expression: Expression) -> Expression {
      expression.rewritten { (part: Expression) -> Expression? in
        Self.column(of: part, inputs, partial)
      }
    }
    let equalities = tree.equalities.compactMap { equality -> Plan.JoinEquality? in
      guard case .column(let left) = rewritten(equality.left),
        case .column(let right) = rewritten(equality.right)
      else { return nil }
      return Plan.JoinEquality(left, right)
    }
    return compiler.plan.add(
      .join(
        inputs: nodes, equalities: equalities,
        residual: Expression.conjunction(tree.residual.map(rewritten)),
        outputs: outputs.map(rewritten)))
  }

  /// By leaf, the expressions over it that the join reads, each once.
  private static func needs(_ tree: JoinTree, outputs: [Expression], partial: Partial?)
    -> [[Expression]]
  {
    var needs = tree.leaves.indices.map { $0 == partial?.leaf ? partial?.keys ?? [] : [] }
    func add(_ expression: Expression, to leaf: Int) {
      if !needs[leaf].contains(expression) { needs[leaf].append(expression) }
    }
    func addParts(_ expression: Expression) {
      if let leaf = expression.inputs.first, needs.indices.contains(leaf),
        needs[leaf].contains(expression)
      {
        return
      }
      if case .column(let column) = expression {
        if needs.indices.contains(column.input) { add(expression, to: column.input) }
      } else {
        for child in expression.children { addParts(child) }
      }
    }
    for equality in tree.equalities {
      for side in [equality.left, equality.right] {
        if let leaf = side.inputs.first { add(side, to: leaf) }
      }
    }
    for expression in tree.residual + outputs { addParts(expression) }
    return needs
  }

  /// The node that delivers what the join needs of a leaf.
  private static func prepare(
    _ leaf: Int, _ tree: JoinTree, _ needs: inout [Expression], _ partial: Partial?,
    _ compiler: inout ViewCompiler
  ) -> Plan.NodeID {
    let local = needs.map { $0.onFirstInput }
    let filter = tree.filter(of: leaf)?.onFirstInput
    guard let partial, partial.leaf == leaf else {
      return compiler.plan.add(
        .map(input: tree.leaves[leaf].node, filter: filter, outputs: local))
    }
    let aggregates = partial.aggregates.map { aggregate in
      Plan.Aggregate(
        aggregate.function, of: aggregate.argument?.onFirstInput,
        filter: aggregate.filter?.onFirstInput, type: aggregate.type)
    }
    return compiler.plan.add(
      .aggregate(
        input: tree.leaves[leaf].node, filter: filter, keys: local, aggregates: aggregates))
  }

  /// The column of a join input that delivers `expression`, if one does.
  private static func column(
    of expression: Expression, _ inputs: [[Expression]], _ partial: Partial?
  )
    -> Expression?
  {
    if case .column(let column) = expression, column.input == ExpressionCompiler.aggregateInput,
      let partial
    {
      return .column(
        Expression.Column(
          input: partial.leaf, index: inputs[partial.leaf].count + column.index, type: column.type))
    }
    guard let leaf = expression.inputs.first, expression.inputs.count == 1,
      inputs.indices.contains(leaf), let index = inputs[leaf].firstIndex(of: expression)
    else { return nil }
    return .column(Expression.Column(input: leaf, index: index, type: expression.type))
  }
}

/// Outputs of a node and which column each shows, growing by hidden identity columns.
struct Projection {
  private(set) var outputs: [Expression]
  private let visibleCount: Int
  private var shown: [Int?]
  private var identity: [Int]?

  init(_ visible: [Expression], numbers: (Expression) -> Int?) {
    outputs = visible
    visibleCount = visible.count
    shown = visible.map(numbers)
  }

  /// Makes the identity part of the outputs; what is not shown is added as hidden columns.
  mutating func addIdentity(
    _ columns: [Int], _ dependencies: FunctionalDependencies, column: (Int) -> Expression
  ) {
    var identity: [Int] = []
    for number in columns {
      let twins = [number] + dependencies.equals(of: number)
      if let index = shown.firstIndex(where: { $0.map(twins.contains) ?? false }) {
        identity.append(index)
      } else {
        identity.append(outputs.count)
        outputs.append(column(number))
        shown.append(number)
      }
    }
    self.identity = identity
  }

  func relation(
    node: Plan.NodeID, names: [String], dependencies: FunctionalDependencies, estimatedRows: Double
  ) -> CompiledRelation {
    var projected = dependencies.projected(shown)
    if let identity { projected.add(Set(identity), determines: Set(outputs.indices)) }
    return CompiledRelation(
      node: node, visible: outputs.prefix(visibleCount).map(\.type), names: names,
      dependencies: projected, identity: identity, estimatedRows: estimatedRows)
  }
}

extension Expression {
  /// An expression over one leaf as seen by an operator that reads that leaf alone.
  var onFirstInput: Expression {
    mapColumns { .column(Column(input: 0, index: $0.index, type: $0.type)) }
  }
}

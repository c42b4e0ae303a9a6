import Engine

/// Relations to be joined and the conditions on them, sorted by what each condition touches.
struct JoinTree {
  let leaves: [CompiledRelation]
  /// By leaf: conditions on it alone.
  private(set) var filters: [Int: [Expression]] = [:]
  /// `left = right`, each side from one leaf.
  private(set) var equalities: [(left: Expression, right: Expression)] = []
  /// Conditions over several leaves that are not equalities.
  private(set) var residual: [Expression] = []

  /// Columns of all leaves as one range of numbers, for dependencies.
  private let offsets: [Int]

  init(leaves: [CompiledRelation], conditions: [Expression], compiler: ViewCompiler) {
    self.leaves = leaves
    var offsets: [Int] = []
    var next = 0
    for leaf in leaves {
      offsets.append(next)
      next += compiler.plan.types(of: leaf.node).count
    }
    self.offsets = offsets
    for condition in conditions { sort(condition) }
  }

  private mutating func sort(_ condition: Expression) {
    let inputs = condition.inputs
    if inputs.count <= 1 {
      filters[inputs.first ?? 0, default: []].append(condition)
    } else if let equality = Self.equality(condition) {
      equalities.append(equality)
    } else {
      residual.append(condition)
    }
  }

  /// The sides of an equality by which rows of two leaves can be found.
  static func equality(_ condition: Expression) -> (Expression, Expression)? {
    guard case .call(let function, let sides, _) = condition, function.isEquality,
      sides.count == 2, sides[0].inputs.count == 1, sides[1].inputs.count == 1,
      sides[0].type.isCanonical == sides[1].type.isCanonical
    else { return nil }
    return (sides[0], sides[1])
  }

  func filter(of leaf: Int) -> Expression? { .conjunction(filters[leaf] ?? []) }

  // MARK: What is known of the joined rows

  func number(_ column: Expression.Column) -> Int { offsets[column.input] + column.index }

  /// The number of the column that an expression shows as it is.
  func number(of expression: Expression) -> Int? {
    if case .column(let column) = expression { number(column) } else { nil }
  }

  func column(_ number: Int, _ compiler: ViewCompiler) -> Expression.Column {
    let leaf = offsets.lastIndex { $0 <= number } ?? 0
    let index = number - offsets[leaf]
    return Expression.Column(
      input: leaf, index: index, type: compiler.plan.types(of: leaves[leaf].node)[index])
  }

  /// The dependencies among all leaves' columns, and columns that tell joined rows apart, if any do.
  func dependencies(_ compiler: ViewCompiler) -> (FunctionalDependencies, identity: [Int]?) {
    var all = FunctionalDependencies()
    var identity: [Int]? = []
    for (index, leaf) in leaves.enumerated() {
      let known =
        leaf.table.map { compiler.dependencies(ofTable: $0) }
        ?? (leaf.dependencies, identity: leaf.identity)
      all.add(known.0) { offsets[index] + $0 }
      identity = known.identity.flatMap { key in
        identity.map { $0 + key.map { offsets[index] + $0 } }
      }
    }
    for equality in equalities {
      if let left = number(of: equality.left), let right = number(of: equality.right) {
        all.addEquality(left, right)
      }
    }
    return (all, identity.map { all.minimized($0) })
  }
}

import Engine

/// What `FROM` reads, as it is nested: an outer join can't change places with what is around it.
indirect enum FromItem {
  /// A relation, by its number among the query's leaves.
  case leaf(Int)
  /// Items joined in any order, and the conditions on them.
  case inner([FromItem], conditions: [Expression])
  case outer(Plan.OuterJoinKind, FromItem, FromItem, on: [Expression])

  /// The leaves below.
  var leaves: Set<Int> {
    switch self {
    case .leaf(let leaf): [leaf]
    case .inner(let items, _): items.reduce(into: []) { $0.formUnion($1.leaves) }
    case .outer(_, let left, let right, _): left.leaves.union(right.leaves)
    }
  }

  /// Leaves and outer joins that are joined in any order, and all conditions on them.
  var flattened: (items: [FromItem], conditions: [Expression]) {
    guard case .inner(let items, let conditions) = self else { return ([self], []) }
    let parts = items.map(\.flattened)
    return (parts.flatMap(\.items), parts.flatMap(\.conditions) + conditions)
  }
}

/// Where the columns of a query's leaves are found among the leaves of a ``JoinTree``.
struct ColumnPlaces {
  /// Leaves that are leaves of the tree as well.
  var leaves: [Int: Int] = [:]
  /// Columns that an outer join hands on.
  var columns: [Expression.Column: Expression.Column] = [:]

  func placed(_ expression: Expression) -> Expression {
    expression.mapColumns { column in
      if let place = columns[column] { return .column(place) }
      var place = column
      place.input = leaves[column.input] ?? column.input
      return .column(place)
    }
  }
}

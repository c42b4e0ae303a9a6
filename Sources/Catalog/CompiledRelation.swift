import Engine

/// A part of a query, compiled: a node of the plan and what is known of its rows.
struct CompiledRelation {
  let node: Plan.NodeID
  /// What a query above can name, in order; the node may carry hidden identity columns behind them.
  var visible: [ColumnType]
  var names: [String]
  /// Over the node's columns.
  var dependencies = FunctionalDependencies()
  /// Columns of the node that tell its rows apart; nil where rows may repeat.
  var identity: [Int]?
  /// A table, as index into the compiler's, whose columns are added as they are asked for.
  var table: Int?
  /// A guess at the number of rows, to tell facts from reference tables.
  var estimatedRows: Double = 0
}

/// A node of a running dataflow.
///
/// Within a step an operator absorbs deltas, any number of batches to each of its ports, and hands on what it can
/// say at once. At the end of the step ``flush()`` is called in topological order and hands on the rest. One big
/// step gives the same as many small ones: only the consolidated sum of what was absorbed counts.
package class Operator {
  struct Edge {
    let target: Operator
    let port: Int
  }

  /// Rows handed on with the next ``emit()``.
  let output: RowBatch = RowBatch()
  let layout: RowLayout
  private(set) var edges: [Edge] = []

  init(layout: RowLayout) { self.layout = layout }

  func connect(to target: Operator, port: Int) {
    edges.append(Edge(target: target, port: port))
  }

  /// Takes rows that came or went at an input.
  func absorb(_ batch: RowBatch, port: Int) {}

  /// Whether ``clear(port:)`` is known to work here and in all that it reaches.
  var takesClear: Bool { true }

  /// Takes that an input lost all its rows, as by `TRUNCATE`.
  func clear(port: Int) throws(DataflowFault) {}

  /// Hands on what the step changed.
  func flush() throws(DataflowFault) {}

  final func emit() {
    guard !output.isEmpty else { return }
    for edge in edges { edge.target.absorb(output, port: edge.port) }
    output.removeAll()
  }

  /// Hands on what has gathered once there is enough of it, so that no step's whole output is held.
  final func emitIfFull() {
    if output.count >= Self.batchRows { emit() }
  }

  /// So many rows are handed on together; large enough to amortise, small enough to stay in cache.
  static let batchRows = 512

  final func emitClear() throws(DataflowFault) {
    emit()
    for edge in edges { try edge.target.clear(port: edge.port) }
  }
}

/// Why a dataflow can't go on with the state it has: it must be built again from a snapshot.
package enum DataflowFault: Error, Equatable, Sendable {
  /// More rows went than came: the stream and the state do not belong together.
  case retractedUnknownRow(node: Int)
  /// A table was emptied whose rows are mixed with others' where they are kept.
  case clearedMixedInput(node: Int)
  /// Which rows share a key can't be told from what is there.
  case passedSharedKeys(node: Int)
  /// A value was not what its type sends.
  case malformedValue(node: Int, ValueFault)
}

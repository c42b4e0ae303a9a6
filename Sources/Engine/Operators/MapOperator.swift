/// `SELECT outputs WHERE filter`: each row by itself, nothing kept.
///
/// A row whose filter fails goes on marked with the fault, so that whoever would show it knows.
final class MapOperator: Operator {
  private let program: Program

  init(filter: Expression?, outputs: [Expression], input: RowLayout) {
    program = Program(filter: filter, outputs: outputs, layouts: [input])
    super.init(layout: RowLayout(outputs.map(\.type)))
  }

  override func absorb(_ batch: RowBatch, port: Int) {
    for entry in batch.entries {
      let row = batch.row(entry)
      var fault = row.fault
      switch program.run(row) {
      case .drop: continue
      case .keep: break
      case .unknown(let failure): fault = fault ?? failure
      }
      output.beginRow(layout)
      for index in layout.slots.indices { output.set(layout.slots[index], program.output(index)) }
      if let fault { output.setFault(fault) }
      output.endRow(weight: entry.weight)
    }
    emit()
  }

  override var takesClear: Bool { edges.allSatisfy(\.target.takesClear) }

  override func clear(port: Int) throws(DataflowFault) { try emitClear() }
}

/// `UNION ALL`: rows of all inputs, nothing kept.
final class UnionOperator: Operator {
  private let node: Int

  init(layout: RowLayout, node: Int) {
    self.node = node
    super.init(layout: layout)
  }

  override func absorb(_ batch: RowBatch, port: Int) {
    output.append(contentsOf: batch)
    emit()
  }

  /// What is behind has rows of all inputs and can't tell whose they are.
  override var takesClear: Bool { false }

  override func clear(port: Int) throws(DataflowFault) { throw .clearedMixedInput(node: node) }
}

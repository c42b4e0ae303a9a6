/// Going on from a state that is older than what readers see: the operators take in again what the log of changes knows already.
extension Dataflow {
  /// Takes in a step whose changes the views' rows have already; nobody is told.
  ///
  /// Between ``restoreState(from:)`` and ``goOn(at:)``.
  package func passStep() throws(DataflowFault) {
    for node in operators { try node.flush() }
    for sink in sinks { try sink.pass() }
  }

  /// Has the views go on from where readers are, once the operators are there as well.
  package func goOn(at position: Position) throws(DataflowFault) {
    for sink in sinks { try sink.endPassing() }
    publishRestored(at: position)
  }
}

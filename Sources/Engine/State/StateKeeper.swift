/// An operator that keeps something between steps.
protocol StateKeeper: Operator {
  /// Whether nothing of a step is left to be handed on.
  var isAtRest: Bool { get }

  /// Writes what is kept, and changes nothing.
  func writeState(to writer: inout StateWriter) throws

  /// Takes over what another process wrote of the same operator. After an error the operator can be dropped and nothing else.
  func restoreState(from reader: inout StateReader) throws
}

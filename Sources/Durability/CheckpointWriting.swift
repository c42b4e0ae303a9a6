import Engine

/// Writes a checkpoint from memory where nothing changes any more: in a child of the process that serves.
struct CheckpointWriting {
  let file: StoredFile
  let start: CheckpointStart
  /// With why they are degraded, if they are: to ask for that takes a lock.
  let views: [(view: LiveView, degradation: String?)]
  /// What is kept besides the rows.
  let engine: EngineMoment?

  /// - Parameter check: throws what is to end it; called before each write.
  func run(check: @escaping () throws -> Void) throws {
    let writer = try CheckpointFile.Writer(file, start, check: check)
    for (view, degradation) in views {
      try writer.append(view.definition, degradation: degradation)
      try view.forEachRowWithoutLocks { try writer.append($0) }
    }
    if let engine { try write(engine, to: writer) }
    try writer.end()
  }

  private func write(_ engine: EngineMoment, to writer: CheckpointFile.Writer) throws {
    try writer.beginOperators(engine.reliance)
    var operators = StateWriter { try writer.append(.operators, $0) }
    try engine.dataflow.writeState(to: &operators)
    try operators.finish()
    guard let index = engine.holds else { return }
    var holds = StateWriter { try writer.append(.holds, $0) }
    try index.writeState(to: &holds)
    try holds.finish()
  }
}

import Engine

/// The state of the operators, kept beside the log.
///
/// | found | rule |
/// |---|---|
/// | no checkpoint | `checkpoint_missing` |
/// | one that has the views' rows only | `checkpoint_without_operators` |
/// | one that is damaged where it is looked at | `checkpoint_damaged` |
extension ChangeLog: CheckpointStore {
  /// The seed that the store for a folder's state is to be made with; nil if there is none.
  package static func hashSeed(in path: String) -> UInt64? {
    guard let file = try? StoredFile(path: "\(path)/\(CheckpointFile.name)", creates: false) else {
      return nil
    }
    return (try? CheckpointFile.Reader(file))?.start.hashSeed
  }

  package func kept() -> KeptState? {
    do {
      guard try directory.names.contains(CheckpointFile.name) else {
        return none("checkpoint_missing")
      }
      let reader = try reader()
      guard let reliance = try reader.findOperators() else {
        return none("checkpoint_without_operators")
      }
      let start = reader.start
      return KeptState(start: start, position: start.reached(directory), reliance: reliance)
    } catch {
      return none("checkpoint_damaged", "\(error)")
    }
  }

  package func restore(_ kept: KeptState, into dataflow: Dataflow) throws -> HoldIndex? {
    let reader = try reader()
    guard reader.start == kept.start, try reader.findOperators() != nil else {
      throw LogDamage(offset: 0, expected: "checkpoint \(kept.start.id)")
    }
    let operators = reader.pieces(of: .operators)
    var state = StateReader(byteCount: reader.byteCount) { try operators.next() }
    try dataflow.restoreState(from: &state)
    let holds = try holdIndex(reader)
    try reader.expectEnd()
    checkpointer.goesOn(from: kept)
    return holds
  }

  package func snapshotWasTaken() { checkpointer.begins() }

  /// Has checkpoints taken of the engine from now on.
  package func attach(_ access: EngineAccess) { checkpointer.attach(access) }

  /// Keeps the state as it is now, if it is not kept yet, and then calls `completion`.
  package func keep(_ completion: @escaping @Sendable () -> Void) {
    checkpointer.runLast(completion)
  }

  private func holdIndex(_ reader: CheckpointFile.Reader) throws -> HoldIndex? {
    let pieces = reader.pieces(of: .holds)
    guard let first = try pieces.next() else { return nil }
    var isFirst = true
    var state = StateReader(byteCount: reader.byteCount) {
      defer { isFirst = false }
      return isFirst ? first : try pieces.next()
    }
    return try HoldIndex(from: &state)
  }

  private func reader() throws -> CheckpointFile.Reader {
    try CheckpointFile.Reader(try directory.file(CheckpointFile.name, creates: false))
  }

  private func none(_ rule: String, _ reason: String? = nil) -> KeptState? {
    logger.notice("\(rule)", metadata: reason.map { ["reason": "\($0)"] } ?? [:])
    return nil
  }
}

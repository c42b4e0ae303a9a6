/// What the operators keep, as bytes and back. `docs/state.md` tells what is written, and how it is to be used.
extension Dataflow {
  /// Marks each operator's part, so that parts in another order are found out.
  private static let operatorTag: UInt32 = 0x6f70_0000
  private static let viewTag: UInt32 = 0x7669_6577
  private static let endTag: UInt32 = 0x656e_6421

  /// Writes the state behind its ``StateHeader``, without the rows of the views (``writeRows(to:)``).
  ///
  /// Called between two steps by the queue that applies them, or in a child that it forked there. Takes no lock, and allocates
  /// nothing that lasts.
  ///
  /// - Throws: ``StateFault``, or what the writer's owner throws.
  package func writeState(to writer: inout StateWriter) throws {
    guard !isDistrusted else { throw StateFault.distrusted }
    guard hasPublished, isAtRest else { throw StateFault.stepUnderWay }
    try StateHeader(fingerprint: stateFingerprint, hashSeed: store.hasher.seed).write(to: &writer)
    for (number, keeper) in keepers.enumerated() {
      try writer.append(Self.operatorTag + UInt32(number))
      try keeper.writeState(to: &writer)
    }
    try writer.append(Self.endTag)
  }

  /// Writes the rows of all views as readers see them; where and when as ``writeState(to:)``.
  package func writeRows(to writer: inout StateWriter) throws {
    for sink in sinks {
      try writer.append(Self.viewTag)
      try sink.view.writeRows(to: &writer)
    }
    try writer.append(Self.endTag)
  }

  // MARK: Restoring

  /// Takes over a state, before anything was fed.
  ///
  /// Called by the queue that applies steps, as all that follows. What the state is not, or not of, is told before anything is read
  /// of it; after any error the dataflow is to be dropped.
  ///
  /// - Throws: ``StateFault``, or what the reader's owner throws.
  package func restoreState(from reader: inout StateReader) throws {
    let header = try StateHeader(from: &reader)
    guard header.fingerprint == stateFingerprint else {
      throw StateFault.otherFingerprint(header.fingerprint)
    }
    guard header.hashSeed == store.hasher.seed else {
      throw StateFault.otherHashSeed(header.hashSeed)
    }
    for (number, keeper) in keepers.enumerated() {
      try reader.expect(Self.operatorTag + UInt32(number), "operator \(number)")
      try keeper.restoreState(from: &reader)
    }
    try reader.expect(Self.endTag, "the end of the state")
    for sink in sinks {
      sink.beginPassing(store.rowsBefore.map { $0[LoggedView(sink.view)] ?? RowsBefore() })
    }
  }

  /// Takes over the rows of all views, whose tables must be empty; nobody sees them before ``publishRestored(at:)``.
  ///
  /// Not to be called where the views' rows have been put into the store otherwise.
  package func restoreRows(from reader: inout StateReader) throws {
    let sequence = store.nextSequence()
    do {
      for sink in sinks {
        try reader.expect(Self.viewTag, "the rows of \(sink.view.name)")
        try sink.view.restoreRows(from: &reader, at: sequence)
      }
      try reader.expect(Self.endTag, "the end of the rows")
    } catch {
      store.rollBack(directory)
      throw error
    }
  }

  /// Has readers see what was restored, as of the position that it was written at. Nobody is told of changes.
  package func publishRestored(at position: Position) {
    let sequence = store.newestSequence
    for sink in sinks { sink.view.setStatus(sink.status, at: sequence) }
    // Nothing is to be judged; the witness learns of the views.
    store.holdWitness?.stepIsApplied(directory, sequence: sequence, position: position)
    store.publish(sequence: sequence, position: position, directory: directory)
    hasPublished = true
    store.holdWitness?.stepIsVisible()
    store.prune(directory)
  }

  private var isAtRest: Bool {
    operators.allSatisfy(\.output.isEmpty) && keepers.allSatisfy(\.isAtRest)
  }
}

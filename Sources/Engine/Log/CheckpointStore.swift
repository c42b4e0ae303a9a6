/// Keeps the state of the engine over restarts, for whoever follows the log of the database; any thread.
package protocol CheckpointStore: AnyObject, Sendable {
  /// What was kept last and can be gone on from; nil, with the rule in the log, if there is none.
  func kept() -> KeptState?

  /// Brings the operators, and what is known of holds, to where they were at the kept state's position.
  ///
  /// - Throws: ``LogDamage`` or ``StateFault`` where that is of no use; the dataflow is then to be dropped.
  func restore(_ kept: KeptState, into dataflow: Dataflow) throws -> HoldIndex?

  /// Takes note that a snapshot was taken: a new checkpoint is wanted soon, as nothing kept before leads here.
  func snapshotWasTaken()
}

/// The state of the engine as it was kept.
package struct KeptState: Sendable {
  package let start: CheckpointStart
  /// Nothing changed the state from the checkpoint's position up to here.
  package let position: Position
  /// As ``EngineMoment/reliance``.
  package let reliance: String

  package init(start: CheckpointStart, position: Position, reliance: String) {
    self.start = start
    self.position = position
    self.reliance = reliance
  }
}

/// The engine between two steps; for the time of a call on the queue that applies them.
package struct EngineMoment {
  package let dataflow: Dataflow
  /// What is known of everybody's holds; nil where none are taken.
  package let holds: HoldIndex?
  /// What the operators rely on in the catalogs, in words that are equal or not.
  package let reliance: String

  package init(dataflow: Dataflow, holds: HoldIndex?, reliance: String) {
    self.dataflow = dataflow
    self.holds = holds
    self.reliance = reliance
  }
}

/// How to come by the engine between two steps.
package struct EngineAccess: Sendable {
  package enum Rest {
    case engine(EngineMoment)
    /// There are the views' rows, and nothing besides that could be kept.
    case rowsOnly
    /// There is nothing to be kept now.
    case unavailable
  }

  /// Calls its argument once, on the queue that applies steps and between two of them.
  package let atRest: @Sendable (@escaping @Sendable (Rest) -> Void) -> Void
  /// How often the state was changed; any thread.
  package let stepCount: @Sendable () -> Int
  /// Takes note, on any thread, that everything up to a position is kept.
  package let positionIsKept: @Sendable (Position) -> Void

  package init(
    atRest: @escaping @Sendable (@escaping @Sendable (Rest) -> Void) -> Void,
    stepCount: @escaping @Sendable () -> Int,
    positionIsKept: @escaping @Sendable (Position) -> Void
  ) {
    self.atRest = atRest
    self.stepCount = stepCount
    self.positionIsKept = positionIsKept
  }
}

import Engine
import Logging
import Runtime
import Synchronization

/// The sequence of changes, kept in files for a retention.
///
/// Steps are handed over on the queue that applies them, which takes one copy; a queue of its own writes and syncs them. What readers
/// see does not wait for the disk: ``LogStatus/Progress/durable`` tells what is kept.
package final class ChangeLog: ChangeListener {
  package let directory: DataDirectory
  let shared: SharedLog
  let writer: LogWriter

  package var needsFirstRows: Bool { false }
  package var status: LogStatus { shared.status }

  let store: ViewStore
  private let clock: Clock
  let logger: Logger
  let checkpointer: Checkpointer
  private let restored: Mutex<StateRestoration.Outcome>

  /// Takes a folder, finds out what its log has, and reads the state that was published last.
  ///
  /// - Parameters:
  ///   - store: nobody writes to it before ``start()``; made with ``hashSeed(in:)``, where there is one.
  ///   - rhythm: of checkpoints.
  ///   - isConfigured: whether a view of an earlier process is still asked for.
  ///   - wrote: called, on the log's queue, each time that more is in the files.
  /// - Throws: ``DataDirectory/Occupied``, or ``FileFault``.
  package init(
    _ path: String, _ retention: LogRetention, rhythm: CheckpointRhythm = CheckpointRhythm(),
    store: ViewStore, isConfigured: @escaping (Plan.View) -> Bool = { _ in true }, clock: Clock,
    logger: Logger, wrote: @escaping @Sendable () -> Void = {}
  ) throws {
    directory = try DataDirectory(path)
    self.store = store
    self.clock = clock
    self.logger = logger
    var index = try LogRecovery(directory: directory, logger: logger).run()
    let outcome = try StateRestoration(
      directory: directory, logger: logger, isConfigured: isConfigured
    ).run(&index, into: store)
    shared = SharedLog(index, gate: store.gate)
    writer = LogWriter(
      directory, retention, shared, clock: clock, logger: logger, wrote: wrote)
    checkpointer = Checkpointer(
      directory, shared, writer, store: store, rhythm: rhythm,
      includedUpTo: outcome.checkpointSerial, clock: clock, logger: logger)
    past = index.history.flatMap { history in
      index.position.map { (history, $0.further(outcome.reached)) }
    }
    restored = Mutex(outcome)
    shared.status.update { $0.durable = index.position }
  }

  /// Which history of which database the log is of, and up to where that is known; nil for an empty one.
  package let past: (origin: DatabaseOrigin, position: Position)?

  /// Has readers see what was published last, as old as it is, and begins to write.
  ///
  /// All who listen to the store's feed must do so before.
  package func start() {
    let outcome = restored.withLock { outcome in
      defer { outcome = StateRestoration.Outcome() }
      return outcome
    }
    if let views = outcome.views, let position = outcome.position {
      views.publish(at: position)
      store.gate.markStale(now: clock.monotonic)
    } else {
      // Nothing of what the log has leads to what will be published.
      goOn(with: [])
    }
    writer.start(checkpointer)
  }

  private func goOn(with views: [LoggedView]) {
    let areOthers = shared.handOver.withLock { handOver in
      handOver.position.map { handOver.add(views, at: $0) } ?? false
    }
    if areOthers { callWriter() }
  }

  /// Makes durable what was handed over, if the disk takes it, lets go of the folder, and calls `completion`.
  package func stop(_ completion: @escaping @Sendable () -> Void) {
    checkpointer.stop { self.writer.stop(completion) }
  }

  // MARK: Handing over

  package func viewsChanged(_ batch: borrowing ChangeBatch) {
    let (isKept, callsWriter) = shared.handOver.withLock { handOver in
      let isKept = handOver.add(batch)
      defer { handOver.isWriterCalled = true }
      return (isKept, !handOver.isWriterCalled)
    }
    if !isKept {
      status.lostSteps.add()
      checkpointer.hurry()
    }
    if callsWriter { callWriter() }
  }

  /// Records which views are followed from a position on.
  package func viewsReplaced(_ directory: ViewDirectory, at position: Position) {
    let views = directory.views.map(LoggedView.init).sorted()
    let areOthers = shared.handOver.withLock { $0.add(views, at: position) }
    guard areOthers else { return }
    checkpointer.hurry()
    callWriter()
  }

  /// Records which history of the database positions belong to from now on.
  package func historyBegins(_ origin: DatabaseOrigin) {
    shared.history.withLock { $0 = origin }
  }

  private func callWriter() {
    writer.post { $0.write() }
  }
}

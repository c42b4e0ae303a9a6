import Engine
import Logging
import Runtime

/// Brings back what was published last: the checkpoint, and the log behind it.
///
/// | found | rule |
/// |---|---|
/// | no checkpoint, and no log | `state_none`: all views begin with their first snapshot |
/// | no checkpoint beside a log | `checkpoint_missing`: all views begin anew |
/// | a checkpoint that is not whole | `checkpoint_damaged`: all views begin anew |
/// | the log begins behind the checkpoint | `checkpoint_behind_log`: all views begin anew |
/// | the log ends before the checkpoint | `checkpoint_ahead_of_log`: the checkpoint counts, the log is forgotten |
/// | the log does not fit its own checkpoint | `log_does_not_fit`: all views begin anew |
/// | a view that is not configured any more, or under another key | `view_not_configured`: it is left out |
/// | changes of a view are missing behind the checkpoint | `view_incomplete`: it begins anew |
///
/// A view that is served under another definition now is found out when the database is asked: it begins anew with the first snapshot, which
/// is published as a difference to what was served before.
struct StateRestoration {
  let directory: DataDirectory
  let logger: Logger
  /// Whether a view is still asked for.
  let isConfigured: (Plan.View) -> Bool

  /// What came of it.
  struct Outcome: Sendable {
    /// Ready to be published at the position; nil if all views begin anew.
    var views: ViewRestoration?
    var position: Position?
    /// How far the checkpoint is known to lead, which may be further than the log.
    var reached: Position?
    /// The last frame of the log that the checkpoint on disk includes.
    var checkpointSerial: UInt64 = 0
  }

  /// - Parameter index: of the log; emptied where that is the rule.
  func run(_ index: inout LogIndex, into store: ViewStore) throws -> Outcome {
    let started = ContinuousClock.now
    try directory.remove(CheckpointFile.draftName)
    guard try directory.names.contains(CheckpointFile.name) else {
      return none(index.segments.isEmpty ? "state_none" : "checkpoint_missing")
    }
    let views = ViewRestoration(store)
    let start: CheckpointStart
    do { start = try readRows(into: views) } catch let error as LogDamage {
      return none("checkpoint_damaged", "\(error)")
    }
    if index.nextSerial <= start.serial {
      try forgetLog(&index, start)
    } else if let first = index.segments.first, first.start(isBehind: start.serial) {
      return none("checkpoint_behind_log")
    }
    do { try replay(index, behind: start.serial, views) } catch let error as LogDamage {
      return none("log_does_not_fit", "\(error)")
    }
    let position = index.segments.isEmpty ? start.position : index.position ?? start.position
    logger.info(
      "state_restored",
      metadata: [
        "position": "\(position)", "views": "\(views.loggedViews.count)",
        "restored_ms": "\((ContinuousClock.now - started).microseconds / 1_000)",
      ])
    return Outcome(
      views: views, position: position, reached: start.reached(directory),
      checkpointSerial: start.serial)
  }

  private func none(_ rule: String, _ reason: String? = nil) -> Outcome {
    logger.notice("\(rule)", metadata: reason.map { ["reason": "\($0)"] } ?? [:])
    return Outcome()
  }

  private func readRows(into views: ViewRestoration) throws -> CheckpointStart {
    let reader = try CheckpointFile.Reader(
      try directory.file(CheckpointFile.name, creates: false))
    var current: LoggedView?
    try reader.readRows { record in
      switch record {
      case .begin, .rowsEnd, .reliance, .operators, .holds, .end: break
      case .view(let view, let degradation):
        current = isConfigured(view) ? views.add(view, degradation: degradation) : nil
        if current == nil {
          logger.notice("view_not_configured", metadata: ["view": "\(view.name)"])
        }
      case .rows(let rows):
        guard let current else { return }
        for (row, copies) in rows { try views.put(row, copies: copies, in: current) }
      }
    }
    return reader.start
  }

  private func forgetLog(_ index: inout LogIndex, _ start: CheckpointStart) throws {
    if !index.segments.isEmpty { _ = none("checkpoint_ahead_of_log") }
    for segment in index.segments { try directory.remove(LogSegment.name(segment.number)) }
    index = LogIndex()
    index.base = start
    index.history = start.history
  }

  private func replay(_ index: LogIndex, behind serial: UInt64, _ views: ViewRestoration) throws {
    for segment in index.segments where segment.lastSerial > serial {
      var scanner = try FrameScanner(segment.file, to: segment.end)
      while let frame = try scanner.nextWhole() {
        guard frame.serial > serial else { continue }
        switch try LogRecord(frame.body) {
        case .step(let step): try views.apply(step)
        case .views(_, let followed):
          for view in views.loggedViews where !followed.contains(view) { leave(view, views) }
        case .lost(_, let lost): for view in lost { leave(view, views) }
        case .start, .reached: break
        }
      }
    }
  }

  private func leave(_ view: LoggedView, _ views: ViewRestoration) {
    guard views.loggedViews.contains(view) else { return }
    logger.notice("view_incomplete", metadata: ["view": "\(view.name)"])
    views.remove(view)
  }
}

extension LogSegment {
  /// Whether frames between `serial` and the segment are missing.
  func start(isBehind serial: UInt64) -> Bool { firstSerial > serial + 1 }
}

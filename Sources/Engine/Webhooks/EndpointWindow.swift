import Synchronization

/// The newest changes of some views, in memory: the ``ChangeSource`` of a process without a log on disk.
///
/// It begins with the process, and ends where its bytes do: what is older is gone. It records only views that somebody
/// reads, each from the moment on that it is asked to.
package final class EndpointWindow: ChangeSource, ChangeListener {
  private struct State {
    var steps = ArrivalQueue<LoggedStep>()
    var byteCount = 0
    /// By view, the position behind which all its changes are here, or would be had they not been dropped.
    var starts: [QualifiedName: Position] = [:]
    /// Asked for, and not known from where on.
    var awaited: Set<QualifiedName> = []
    /// Behind it nothing was dropped.
    var floor: Position?
    /// Everything up to here was taken in.
    var end: Position?
  }

  private let state = Mutex(State())
  private let bytesMax: Int
  /// Called on the feed's queue after each step that was kept.
  private let bell: @Sendable () -> Void

  /// A step's own cost.
  private static let stepBytes = 96

  package var needsFirstRows: Bool { false }

  package init(bytesMax: Int = 64 << 20, bell: @escaping @Sendable () -> Void) {
    self.bytesMax = bytesMax
    self.bell = bell
  }

  /// Records these views from now on, and no others.
  package func record(_ views: Set<QualifiedName>) {
    state.withLock { state in
      state.starts = state.starts.filter { views.contains($0.key) }
      state.awaited = views.filter { state.starts[$0] == nil }
    }
  }

  /// Takes note that every step up to `position` was handed over; called on the feed's queue.
  package func reached(_ position: Position) {
    state.withLock { state in
      Self.enter(position, &state)
      state.end = position
      for view in state.awaited { state.starts[view] = position }
      state.awaited.removeAll()
    }
  }

  package func viewsChanged(_ batch: borrowing ChangeBatch) {
    let (position, committedAt) = (batch.position, batch.committedAt)
    let changes = batch.changes
    let isKept = state.withLock { state in
      Self.enter(position, &state)
      // A view that is not recorded yet is, from this step on; of the first snapshot everything would be new.
      let kept = Self.recorded(changes, state)
      for view in state.awaited { state.starts[view] = position }
      state.awaited.removeAll()
      state.end = position
      guard !kept.isEmpty else { return false }
      let step = LoggedStep(position: position, committedAt: committedAt, changes: kept)
      state.steps.append(step)
      state.byteCount += Self.cost(step)
      while state.byteCount > bytesMax { Self.dropFirst(&state) }
      return true
    }
    if isKept { bell() }
  }

  /// Changes come view by view.
  private static func recorded(_ changes: [ViewChange], _ state: State) -> [LoggedChange] {
    var kept: [LoggedChange] = []
    var (last, isLastKept): (LiveView?, Bool) = (nil, false)
    for change in changes {
      if change.view !== last {
        (last, isLastKept) = (change.view, state.starts[change.view.name] != nil)
      }
      if isLastKept { kept.append(LoggedChange(change)) }
    }
    return kept
  }

  /// Another history begins: nothing of the old one can be compared with it.
  private static func enter(_ position: Position, _ state: inout State) {
    guard let end = state.end, end.epoch != position.epoch else { return }
    while !state.steps.isEmpty { dropFirst(&state) }
    state.floor = nil
    for view in state.starts.keys { state.starts[view] = position }
  }

  private static func dropFirst(_ state: inout State) {
    let step = state.steps.removeFirst()
    state.byteCount -= cost(step)
    state.floor = step.position
  }

  private static func cost(_ step: LoggedStep) -> Int {
    step.changes.reduce(stepBytes) { $0 + $1.byteCount }
  }

  // MARK: Reading

  package func read(after position: Position, view: QualifiedName, changesMax: Int)
    -> ChangeReading
  {
    state.withLock { state in
      guard let end = state.end, let start = Self.start(of: view, state) else {
        return .gone(resumesAt: nil)
      }
      guard position.epoch == end.epoch, position.lsn >= start.lsn else {
        return .gone(resumesAt: end)
      }
      var found: [LoggedStep] = []
      var count = 0
      let first = state.steps.firstOffset { $0.position.lsn > position.lsn }
      for step in state.steps[first...] {
        let changes = step.changes.filter { $0.view.name == view }
        guard !changes.isEmpty else { continue }
        if count >= changesMax, let last = found.last { return .steps(found, end: last.position) }
        count += changes.count
        found.append(
          LoggedStep(position: step.position, committedAt: step.committedAt, changes: changes))
      }
      return .steps(found, end: end.lsn > position.lsn ? end : position)
    }
  }

  /// The position behind which all of `view` is here.
  private static func start(of view: QualifiedName, _ state: State) -> Position? {
    guard let start = state.starts[view] else { return nil }
    guard let floor = state.floor, floor.lsn > start.lsn else { return start }
    return floor
  }

  /// Behind which position all of `view` can be read; nil while that is not known.
  package func start(of view: QualifiedName) -> Position? {
    state.withLock { Self.start(of: view, $0) }
  }

  /// The first position that is here whose commit was not before `time`, in microseconds since 2000; nil where all is older.
  ///
  /// - Returns: the position to read after.
  package func position(before time: Int64) -> Position? {
    state.withLock { state in
      var previous = state.floor
      for step in state.steps {
        if let committedAt = step.committedAt, committedAt >= time {
          return previous
            ?? Position(epoch: step.position.epoch, lsn: LSN(step.position.lsn.value - 1))
        }
        previous = step.position
      }
      return state.end
    }
  }
}

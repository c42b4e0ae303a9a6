import Synchronization

/// What readers see: one position for everything, changed in one store.
///
/// A reader enters, reads rows as of the sequence it was given, and leaves; while it is inside, no row version
/// that it may reach is freed. Entering and leaving take one short lock each and wait for no step.
package final class ReadGate: Sendable {
  /// What a reader that enters now sees.
  package struct Visible: Sendable {
    /// Counts steps; row versions carry the sequence of the step that made them.
    package var sequence: UInt64 = 0
    /// Nil until the first snapshot is complete.
    package var position: Position?
    /// When the position was last known to be the newest, on the monotonic clock; nil while the log is followed.
    package var staleSince: Int64?
    package var views: ViewDirectory
  }

  /// What came of asking to be woken at a position.
  package enum WaitOutcome {
    case reached
    case waiting
    /// Too many wait already.
    case refused
  }

  private struct State {
    var visible: Visible
    var geometry = WALGeometry()
    /// The sequence each reader is at; `UInt64.max` outside.
    var readers: [UInt64]
    var waiters = PositionWaiters()
  }

  private let state: Mutex<State>

  /// Requests that may wait for a position; more are told to come back.
  package static let waitersMax = PositionWaiters.countMax

  /// - Parameter readers: how many threads read; each has a number of its own.
  package init(readers: Int) {
    state = Mutex(
      State(
        visible: Visible(views: ViewDirectory([])),
        readers: Array(repeating: .max, count: readers)))
  }

  package var visible: Visible { state.withLock { $0.visible } }

  // MARK: Reading

  /// Lets reader number `reader` in; it must ``leave(_:)`` before it enters again.
  package func enter(_ reader: Int) -> Visible {
    state.withLock { state in
      state.readers[reader] = state.visible.sequence
      return state.visible
    }
  }

  package func leave(_ reader: Int) {
    state.withLock { $0.readers[reader] = .max }
  }

  /// Calls `wake`, on any thread, once the position has reached `lsn`.
  ///
  /// - Parameter deadline: on the monotonic clock, as `now` is; after it the call may be left out.
  package func wait(
    for lsn: LSN, now: Int64, deadline: Int64, wake: @escaping @Sendable () -> Void
  ) -> WaitOutcome {
    state.withLock { state in
      let boundary = state.geometry.boundary(lsn)
      if let position = state.visible.position, position.lsn >= boundary { return .reached }
      let waiter = PositionWaiters.Waiter(lsn: boundary, deadline: deadline, wake: wake)
      return state.waiters.add(waiter, now: now) ? .waiting : .refused
    }
  }

  /// Whether `visible` includes what was written up to `lsn`.
  package func hasReached(_ lsn: LSN, _ visible: Visible) -> Bool {
    let boundary = state.withLock { $0.geometry.boundary(lsn) }
    return visible.position.map { $0.lsn >= boundary } ?? false
  }

  // MARK: Writing

  /// Whether somebody waits for a position, those whose time is over left out.
  package func hasWaiters(now: Int64) -> Bool {
    state.withLock { state in
      state.waiters.removeExpired(now: now)
      return !state.waiters.isEmpty
    }
  }

  package func setGeometry(_ geometry: WALGeometry) {
    state.withLock { $0.geometry = geometry }
  }

  /// Tells readers that the log is no longer followed, as of `now` on the monotonic clock.
  package func markStale(now: Int64) {
    state.withLock { $0.visible.staleSince = $0.visible.staleSince ?? now }
  }

  /// Makes everything up to `sequence` visible at once.
  func publish(sequence: UInt64, position: Position, views: ViewDirectory? = nil) {
    let reached = state.withLock { state in
      state.visible.sequence = sequence
      state.visible.position = position
      if let views {
        state.visible.views = views
        state.visible.staleSince = nil
      }
      return state.waiters.takeReached(position.lsn)
    }
    for waiter in reached { waiter.wake() }
  }

  /// The oldest sequence that a reader inside, or one that enters now, may see.
  var oldestNeeded: UInt64 {
    state.withLock { state in
      state.readers.reduce(state.visible.sequence) { min($0, $1) }
    }
  }
}

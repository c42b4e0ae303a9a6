import Durability
import Engine
import Runtime

/// What push is made of and works with, the same for all workers.
struct PushContext: Sendable {
  let store: ViewStore
  let window: ChangeWindow
  /// The changes from before the window's, where they are kept.
  let changeLog: ChangeLog?
  let clock: Clock
  let counters: PushCounters
  let heartbeat: Duration
  /// By how many nanoseconds the log is followed late, while it is followed.
  let lag: @Sendable () -> Int64
  /// Has every worker look for sessions that have something to tell.
  let signal: @Sendable () -> Void
  /// Tells capture that somebody waits for a position.
  let positionIsAwaited: @Sendable () -> Void
}

/// What push counts, for metrics.
final class PushCounters: Sendable {
  let sessions = Gauge()
  /// Requests that wait for a change.
  let polls = Gauge()
  let subscriptions = Gauge()
  let frames = Counter()
  let resyncs = Counter()

  /// Whether anybody is to be told of changes.
  var hasListeners: Bool { sessions.value > 0 || polls.value > 0 }
}

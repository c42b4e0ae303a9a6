import Engine
import Runtime
import Synchronization

/// How the log is doing, for readiness and metrics; written by its queue, read by any thread.
package final class LogStatus: Sendable {
  package enum State: Sendable, Equatable {
    case writing
    /// What comes is kept in memory, and then not at all; the detail is what the file system said.
    case diskFull(String)
    case failing(String)

    package var name: String {
      switch self {
      case .writing: "writing"
      case .diskFull: "disk_full"
      case .failing: "failing"
      }
    }

    package var detail: String? {
      switch self {
      case .writing: nil
      case .diskFull(let detail), .failing(let detail): detail
      }
    }
  }

  package struct Progress: Sendable {
    package var state = State.writing
    /// Everything up to it survives a loss of power.
    package var durable: Position?
    package var segmentCount = 0
    package var byteCount = 0
    /// When the last checkpoint was complete, in microseconds since 2000-01-01 UTC.
    package var checkpointAt: Int64?
    package var checkpointBytes = 0
    package var checkpointPosition: Position?
  }

  private let progress = Mutex(Progress())
  /// Steps that were not kept.
  package let lostSteps = Counter()
  package let syncs = Counter()
  package let checkpoints = Counter()
  package let failures = Counter()
  package let checkpointFailures = Counter()
  /// How long the stream stood still for the last checkpoint, and at most for any; microseconds.
  package let lastPause = Gauge()
  package let longestPause = Gauge()

  package var current: Progress { progress.withLock { $0 } }

  /// - Parameter pause: in nanoseconds.
  func notePause(_ pause: Int64) {
    let microseconds = Int(pause / 1_000)
    lastPause.set(microseconds)
    longestPause.set(max(longestPause.value, microseconds))
  }

  func update(_ change: (inout Progress) -> Void) { progress.withLock { change(&$0) } }
}

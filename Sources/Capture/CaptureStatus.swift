import Engine
import Runtime
import Synchronization

/// How capture is doing, for readiness and metrics; written by capture, read by any thread.
package final class CaptureStatus: Sendable {
  package enum State: Sendable, Equatable {
    case starting
    /// Creating the slot, which waits for open write transactions.
    case creatingSlot(waitingFor: [String])
    /// Reading the snapshot of a table.
    case bootstrapping(table: String)
    /// Taking in again what readers have seen before.
    case catchingUp
    case streaming
    /// Can't follow the log; tries again.
    case failing(CaptureFailure, reason: String)

    /// A word for logs, `/readyz` and metrics.
    package var name: String {
      switch self {
      case .starting: "starting"
      case .creatingSlot: "creating_slot"
      case .bootstrapping: "bootstrapping"
      case .catchingUp: "catching_up"
      case .streaming: "streaming"
      case .failing(let failure, _): failure.rawValue
      }
    }

    /// What an operator should know beside the name.
    package var detail: String? {
      switch self {
      case .starting, .catchingUp, .streaming: nil
      case .creatingSlot(let waitingFor):
        waitingFor.isEmpty ? nil : "waits for \(waitingFor.joined(separator: ", "))"
      case .bootstrapping(let table): table
      case .failing(_, let reason): reason
      }
    }
  }

  package struct Progress: Sendable {
    package var state = State.starting
    /// Rows read of the current snapshot.
    package var snapshotRows = 0
    /// Microseconds since 2000-01-01 UTC of the last transaction applied.
    package var lastCommit: Int64?
    /// Where the server's log ended when it last said.
    package var serverEnd: UInt64 = 0
    /// What the slot may let go of; nil for a slot that goes with the connection.
    package var kept: LSN?
    /// What the server said last of a slot that stays.
    package var slot: SlotReport?
    /// How often each failure happened.
    package var failures: [CaptureFailure: Int] = [:]
  }

  private let progress = Mutex(Progress())
  package let transactions = Counter()
  package let rows = Counter()
  package let steps = Counter()
  package let bootstraps = Counter()
  /// Times that the log was followed from a checkpoint, without a snapshot.
  package let resumptions = Counter()
  /// How late what readers see was when it became visible, in microseconds; 0 when nothing is outstanding.
  package let lagMicroseconds = Gauge()

  package init() {}

  package var current: Progress { progress.withLock { $0 } }

  func set(_ state: State) { progress.withLock { $0.state = state } }

  func fail(_ failure: CaptureFailure, reason: String) {
    update {
      $0.state = .failing(failure, reason: reason)
      $0.failures[failure, default: 0] += 1
    }
  }

  func update(_ change: (inout Progress) -> Void) { progress.withLock { change(&$0) } }
}

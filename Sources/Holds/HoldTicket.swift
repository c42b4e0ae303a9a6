import Engine
import Synchronization

/// One request that waits for what becomes of it.
package final class HoldTicket: Sendable {
  private struct State {
    var outcome: HoldOutcome?
    var hold: HoldID?
  }

  private let state = Mutex(State())
  private let wake: @Sendable () -> Void

  /// - Parameter wake: is called on any thread once there is an outcome.
  package init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

  package var outcome: HoldOutcome? { state.withLock { $0.outcome } }

  /// The hold that may have been written meanwhile.
  package var hold: HoldID? { state.withLock { $0.hold } }

  func set(hold: HoldID?) { state.withLock { $0.hold = hold } }

  func resolve(_ outcome: HoldOutcome) {
    let isFirst = state.withLock { state in
      guard state.outcome == nil else { return false }
      state.outcome = outcome
      return true
    }
    if isFirst { wake() }
  }
}

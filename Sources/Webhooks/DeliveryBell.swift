import Engine
import Synchronization

/// Wakes the deliveries once for however many steps that came meanwhile; rung from any thread.
package final class DeliveryBell: ChangeListener {
  private struct State {
    weak var owner: Webhooks?
    /// Whether there is anything to deliver to.
    var isHeard = false
    var isRung = false
  }

  private let state = Mutex(State())

  package init() {}

  var owner: Webhooks? { state.withLock { $0.owner } }

  func setOwner(_ owner: Webhooks?) { state.withLock { $0.owner = owner } }

  /// Has the next ring wake the deliveries, or not while there is nothing to deliver to: each would cost a wake-up.
  func setHeard(_ isHeard: Bool) { state.withLock { $0.isHeard = isHeard } }

  package func ring() {
    let owner: Webhooks? = state.withLock { state in
      guard state.isHeard, !state.isRung else { return nil }
      state.isRung = true
      return state.owner
    }
    owner?.post { $0.answerBell() }
  }

  func silence() { state.withLock { $0.isRung = false } }

  package var needsFirstRows: Bool { false }
  package func viewsChanged(_ batch: borrowing ChangeBatch) {}
  package func changesBecameVisible() { ring() }
}

import Engine
import Synchronization

/// Wakes the deliveries once for however many steps that came meanwhile; rung from any thread.
package final class DeliveryBell: ChangeListener {
  private struct State {
    weak var owner: Webhooks?
    var isRung = false
  }

  private let state = Mutex(State())

  package init() {}

  var owner: Webhooks? { state.withLock { $0.owner } }

  func setOwner(_ owner: Webhooks?) { state.withLock { $0.owner = owner } }

  package func ring() {
    let owner: Webhooks? = state.withLock { state in
      guard !state.isRung else { return nil }
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

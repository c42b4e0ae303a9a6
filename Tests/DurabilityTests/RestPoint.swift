import Engine
import Synchronization

/// Lets a checkpoint in between two steps of a thread that makes some.
final class RestPoint: Sendable {
  private struct State {
    var waiting: [@Sendable (EngineAccess.Rest) -> Void] = []
    var stepCount = 0
    var kept: Position?
    var isEnded = false
  }

  private let state = Mutex(State())

  var stepCount: Int { state.withLock { $0.stepCount } }
  var kept: Position? { state.withLock { $0.kept } }

  func wait(_ body: @escaping @Sendable (EngineAccess.Rest) -> Void) {
    let isEnded = state.withLock { state in
      if !state.isEnded { state.waiting.append(body) }
      return state.isEnded
    }
    if isEnded { body(.unavailable) }
  }

  /// No step follows.
  func end() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.isEnded = true
      return state.waiting
    }
    for body in waiting { body(.unavailable) }
  }

  func keep(_ position: Position) { state.withLock { $0.kept = position } }

  func stepEnded() {
    state.withLock { $0.stepCount += 1 }
    give()
  }

  /// Called by the thread that makes steps, between two of them.
  func give() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
    for body in waiting { body(.rowsOnly) }
  }
}

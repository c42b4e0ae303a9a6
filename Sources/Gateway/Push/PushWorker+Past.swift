import Durability
import Engine

/// Steps behind a position that a client comes back with.
enum PastSteps {
  /// - position: what they lead to.
  /// - hasMore: whether there are others behind it.
  case known([RecordedStep], upTo: Position, hasMore: Bool)
  /// Some are not kept any more.
  case gone
}

extension PushWorker {
  /// Finds steps in the window, or behind it in the log.
  ///
  /// - Parameter current: where what is visible is.
  func past(
    after position: Position, upTo visible: ReadGate.Visible, at current: Position,
    of view: LiveView
  ) -> PastSteps {
    if case .steps(let steps) = steps(after: position, upTo: visible, of: view) {
      return known(steps, upTo: current)
    }
    guard let changeLog, let place = changeLog.place(after: position, of: view),
      let past = changeLog.read(from: place, after: position, upTo: current.lsn, of: view)
    else { return .gone }
    guard past.next == nil else {
      return .known(past.steps, upTo: past.position, hasMore: true)
    }
    // What is not written yet is in the window.
    guard case .steps(let rest) = steps(after: past.position, upTo: visible, of: view) else {
      return .gone
    }
    return known(past.steps + rest, upTo: current)
  }

  private func known(_ steps: [RecordedStep], upTo end: Position) -> PastSteps {
    guard steps.count >= Self.stepsMax, let last = steps.last else {
      return .known(steps, upTo: end, hasMore: false)
    }
    return .known(steps, upTo: last.position, hasMore: true)
  }
}

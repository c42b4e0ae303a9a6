import Synchronization

/// The steps of the recent past, for those who follow changes a little behind and those who come back.
///
/// Written by the queue that applies steps, read by any thread. Bounded by bytes: the oldest steps are forgotten first, and a
/// step that is too large for the window by itself leaves only word of the views that it concerned.
package final class ChangeWindow: ChangeListener {
  fileprivate struct State {
    /// Oldest first.
    var steps = ArrivalQueue<RecordedStep>()
    var byteCount = 0
    /// What readers could see when the oldest step here was about to come; nil before the first snapshot.
    var start: Position?
    var startSequence: UInt64 = 0
  }

  private let state = Mutex(State())
  private let bytesMax: Int
  private let notify: @Sendable () -> Void

  package static let bytesMaxDefault = 64 << 20

  package var needsFirstRows: Bool { false }

  /// - Parameter notify: called once each step is visible, on the queue that applies them.
  package init(
    bytesMax: Int = bytesMaxDefault, notify: @escaping @Sendable () -> Void = {}
  ) {
    self.bytesMax = bytesMax
    self.notify = notify
  }

  // MARK: Writing

  package func viewsChanged(_ batch: borrowing ChangeBatch) {
    let step = RecordedStep(batch, bytesMax: bytesMax / 4)
    let forgotten = state.withLock { state -> [RecordedStep] in
      guard state.start != nil else {
        state.start = step.position
        state.startSequence = step.sequence
        return []
      }
      return state.add(step, bytesMax: bytesMax)
    }
    // Freed outside of the lock.
    _ = consume forgotten
  }

  package func changesBecameVisible() { notify() }

  /// Views that were restored are there before any step.
  package func viewsReplaced(_ directory: ViewDirectory, at position: Position) {
    state.withLock { $0.start = $0.start ?? position }
  }

  // MARK: Reading

  /// Steps for somebody who knows all up to some sequence.
  package enum Steps {
    case steps([RecordedStep])
    /// Some that are asked for have been forgotten.
    case gone
  }

  /// The steps behind `sequence` and up to `end`.
  package func steps(after sequence: UInt64, upTo end: UInt64) -> Steps {
    state.withLock { $0.steps(after: sequence, upTo: end) }
  }

  /// The steps behind `position` and up to `end`, for changes of `view`.
  ///
  /// ``Steps/gone`` also where the position is of another epoch, or from before the view was what it is now.
  package func steps(after position: Position, upTo end: UInt64, of view: LiveView) -> Steps {
    state.withLock { $0.steps(after: position, upTo: end, ofTableBornAt: view.table.birth) }
  }
}

extension ChangeWindow.State {
  /// Returns the steps that had to go.
  fileprivate mutating func add(_ step: RecordedStep, bytesMax: Int) -> [RecordedStep] {
    var forgotten: [RecordedStep] = []
    // Positions of two histories have no order.
    if let start, start.epoch != step.position.epoch {
      while let oldest = forgetOldest() { forgotten.append(oldest) }
      self.start = step.position
    }
    steps.append(step)
    byteCount += step.byteCount
    while byteCount > bytesMax, steps.count > 1, let oldest = forgetOldest() {
      forgotten.append(oldest)
    }
    return forgotten
  }

  private mutating func forgetOldest() -> RecordedStep? {
    guard !steps.isEmpty else { return nil }
    let oldest = steps.removeFirst()
    byteCount -= oldest.byteCount
    start = oldest.position
    startSequence = oldest.sequence
    return oldest
  }

  fileprivate func steps(after sequence: UInt64, upTo end: UInt64) -> ChangeWindow.Steps {
    guard sequence >= startSequence else { return .gone }
    let split = steps.firstOffset { $0.sequence > sequence }
    return .steps(steps(from: split, upTo: end))
  }

  fileprivate func steps(
    after position: Position, upTo end: UInt64, ofTableBornAt birth: UInt64
  ) -> ChangeWindow.Steps {
    guard let start, start.epoch == position.epoch, position.lsn >= start.lsn else { return .gone }
    let split = steps.firstOffset { $0.position.lsn > position.lsn }
    let known = split > 0 ? steps[split - 1].sequence : startSequence
    guard birth <= known else { return .gone }
    if split < steps.count, steps[split].spans(position) { return .gone }
    return .steps(steps(from: split, upTo: end))
  }

  private func steps(from split: Int, upTo end: UInt64) -> [RecordedStep] {
    steps[split...].filter { $0.sequence <= end }
  }
}

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
    /// When ``start`` was, in microseconds since 2000-01-01 UTC; nil where nobody knows.
    var startTime: Int64?
    /// Since when all tables born up to a step are served.
    var served: (position: Position, birth: UInt64)?
    /// Tables of views that are gone, whose changes readers may look for that are a moment behind; let go of with the next step.
    var tablesGone: [ViewTable] = []
    var tablesServed: [ViewTable] = []
  }

  private let state = Mutex(State())
  private let bytesMax: Int
  private let wallTime: @Sendable () -> Int64?

  package static let bytesMaxDefault = 64 << 20

  package var needsFirstRows: Bool { false }

  /// - Parameter wallTime: microseconds since 2000-01-01 UTC.
  package init(
    bytesMax: Int = bytesMaxDefault, wallTime: @escaping @Sendable () -> Int64? = { nil }
  ) {
    self.bytesMax = bytesMax
    self.wallTime = wallTime
  }

  // MARK: Writing

  package func viewsChanged(_ batch: borrowing ChangeBatch) {
    let step = RecordedStep(batch, bytesMax: bytesMax / 4)
    let forgotten = state.withLock { state -> [AnyObject] in
      guard state.start != nil else {
        state.start = step.position
        state.startSequence = step.sequence
        state.startTime = wallTime()
        return []
      }
      return state.forgetTables() + state.add(step, bytesMax: bytesMax)
    }
    // Freed outside of the lock.
    _ = consume forgotten
  }

  /// Views that were restored are there before any step.
  package func viewsReplaced(_ directory: ViewDirectory, at position: Position) {
    let birth = directory.views.map(\.table.birth).max() ?? 0
    // Freed outside of the lock.
    _ = state.withLock { $0.replaceTables(directory.views.map(\.table)) }
    state.withLock { state in
      state.served = (position, birth)
      guard state.start == nil else { return }
      state.start = position
      state.startTime = wallTime()
    }
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

  /// The steps behind `position` and up to `end`, for changes of `view`; at most so many.
  ///
  /// ``Steps/gone`` also where the position is of another epoch, or from before the view was what it is now.
  package func steps(
    after position: Position, upTo end: UInt64, of view: LiveView, limit: Int = .max
  ) -> Steps {
    steps(from: .after(position), upTo: end, of: view, limit: limit)
  }

  /// The same from anywhere.
  package func steps(
    from start: ReadingStart, upTo end: UInt64, of view: LiveView, limit: Int
  ) -> Steps {
    state.withLock {
      $0.steps(from: start, upTo: end, ofTableBornAt: view.table.birth, limit: limit)
    }
  }

  /// Of all steps here.
  package var epoch: Epoch? { state.withLock { $0.start?.epoch } }

  /// Behind which position all changes of a view are here.
  package func start(of view: LiveView) -> Position? {
    state.withLock { $0.start(ofTableBornAt: view.table.birth) }
  }

  /// The position behind which everything lies that was committed at `time` or later.
  ///
  /// - Parameter time: in microseconds since 2000-01-01 UTC.
  /// - Returns: nil if that may have been forgotten.
  package func position(before time: Int64) -> Position? {
    state.withLock { $0.position(before: time) }
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
      startTime = nil
    }
    steps.append(step)
    byteCount += step.byteCount
    while byteCount > bytesMax, steps.count > 1, let oldest = forgetOldest() {
      forgotten.append(oldest)
    }
    return forgotten
  }

  /// Returns what nothing here keeps any more.
  fileprivate mutating func replaceTables(_ tables: [ViewTable]) -> [AnyObject] {
    let freed = forgetTables()
    tablesGone = tablesServed.filter { served in !tables.contains { $0 === served } }
    tablesServed = tables
    return freed
  }

  /// Lets go of tables that are gone, so that a step that is kept for long does not keep them.
  fileprivate mutating func forgetTables() -> [AnyObject] {
    guard !tablesGone.isEmpty else { return [] }
    let identities = Set(tablesGone.map(ObjectIdentifier.init))
    var freed: [AnyObject] = tablesGone
    tablesGone = []
    for index in steps.indices {
      let step = steps[index]
      let left = step.leaving(identities)
      guard left !== step else { continue }
      freed.append(step)
      steps[index] = left
    }
    return freed
  }

  private mutating func forgetOldest() -> RecordedStep? {
    guard !steps.isEmpty else { return nil }
    let oldest = steps.removeFirst()
    byteCount -= oldest.byteCount
    start = oldest.position
    startSequence = oldest.sequence
    startTime = oldest.committedAt
    return oldest
  }

  fileprivate func steps(after sequence: UInt64, upTo end: UInt64) -> ChangeWindow.Steps {
    guard sequence >= startSequence else { return .gone }
    let split = steps.firstOffset { $0.sequence > sequence }
    return .steps(steps(from: split, upTo: end))
  }

  fileprivate func steps(
    from place: ReadingStart, upTo end: UInt64, ofTableBornAt birth: UInt64, limit: Int
  ) -> ChangeWindow.Steps {
    let position = place.position
    guard let start, start.epoch == position.epoch, position.lsn >= start.lsn else { return .gone }
    let split = steps.firstOffset { $0.position.lsn > position.lsn }
    let known = split > 0 ? steps[split - 1].sequence : startSequence
    guard birth <= known || isServed(at: position, tableBornAt: birth) else { return .gone }
    if split < steps.count, steps[split].spans(place) { return .gone }
    return .steps(steps(from: split, upTo: end, limit: limit))
  }

  /// A view that begins empty is there without a step that tells of it.
  private func isServed(at position: Position, tableBornAt birth: UInt64) -> Bool {
    guard let served, served.position.epoch == position.epoch else { return false }
    return birth <= served.birth && position.lsn >= served.position.lsn
  }

  private func steps(from split: Int, upTo end: UInt64, limit: Int = .max) -> [RecordedStep] {
    Array(steps[split...].prefix(limit).prefix { $0.sequence <= end })
  }

  fileprivate func start(ofTableBornAt birth: UInt64) -> Position? {
    guard birth > startSequence else { return start }
    if let step = steps.first(where: { $0.sequence >= birth }) { return step.position }
    guard let served, birth <= served.birth else { return nil }
    return served.position
  }

  fileprivate func position(before time: Int64) -> Position? {
    guard let startTime, startTime < time else { return nil }
    var position = start
    for step in steps {
      if let committedAt = step.committedAt, committedAt >= time { break }
      position = step.position
    }
    return position
  }
}

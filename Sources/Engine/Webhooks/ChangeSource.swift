/// Where a view's changes are read from after they happened: the window in memory, and behind it the archive where there is one.
///
/// Told is what readers see, and no more than is there after the process was killed: whoever is told of a step and comes back to
/// the next process finds that step, with the same position.
package struct ChangeSource: Sendable {
  private let gate: ReadGate
  private let window: ChangeWindow
  package let archive: (any ChangeArchive)?

  /// Steps that are looked through at once.
  private static let stepsMax = 1_000

  package init(_ store: ViewStore, _ window: ChangeWindow, archive: (any ChangeArchive)? = nil) {
    gate = store.gate
    self.window = window
    self.archive = archive
  }

  /// The steps from `start` on that changed a view, in order, with its changes only, from memory; does not block.
  ///
  /// - Parameters:
  ///   - start: a position of a step, of a keepalive, or anything in between.
  ///   - changesMax: after so many changes the answer ends with a whole step.
  package func read(from start: ReadingStart, view name: QualifiedName, changesMax: Int)
    -> ChangeReading
  {
    let visible = gate.visible
    guard let told = told(visible), let view = visible.views[name] else {
      return .gone(resumesAt: nil)
    }
    let recent = window.steps(
      from: start, upTo: visible.sequence, of: view, limit: Self.stepsMax)
    if case .steps(let steps) = recent,
      let page = Self.page(steps, from: start, of: view, upTo: told, changesMax)
    {
      return page
    }
    let isAhead = start.position.epoch == told.epoch && start.position.lsn > told.lsn
    // Of a history that begins nothing is visible yet, or kept; nor what another instance was faster with.
    guard window.epoch == told.epoch, !isAhead else {
      return .steps([], end: start.position, hasMore: false)
    }
    if let archive, archive.reaches(start, of: view) {
      return .archived(ArchivedChanges(start: start, view: view, end: told.lsn))
    }
    return .gone(resumesAt: told)
  }

  /// Nil where the changes of the first step were too many to be kept.
  private static func page(
    _ steps: [RecordedStep], from start: ReadingStart, of view: LiveView, upTo told: Position,
    _ changesMax: Int
  ) -> ChangeReading? {
    var found: [RecordedStep] = []
    var count = 0
    var end = start.position
    for step in steps {
      guard step.position.epoch == told.epoch, step.position.lsn <= told.lsn else {
        return .steps(found, end: end.lsn < told.lsn ? told : end, hasMore: false)
      }
      guard let changes = step.changes(of: view) else {
        // What comes before it can be told.
        return end == start.position ? nil : .steps(found, end: end, hasMore: true)
      }
      guard count < changesMax else { return .steps(found, end: end, hasMore: true) }
      if !changes.isEmpty { found.append(step) }
      count += changes.count
      end = step.position
    }
    guard steps.count < stepsMax else { return .steps(found, end: end, hasMore: true) }
    return .steps(found, end: end.lsn < told.lsn ? told : end, hasMore: false)
  }

  /// How far anybody may be told of what is visible.
  private func told(_ visible: ReadGate.Visible) -> Position? {
    guard let position = visible.position, let kept = archive?.written else {
      return visible.position
    }
    return kept.epoch == position.epoch && kept.lsn > position.lsn ? position : kept
  }

  /// Where somebody who wants to hear of a view from now on begins; nil while that is not known.
  package func end(of view: QualifiedName) -> Position? {
    let visible = gate.visible
    return visible.views[view] == nil ? nil : told(visible)
  }

  /// Behind which position all of a view can be read; nil while that is not known.
  package func start(of view: QualifiedName) -> Position? {
    let visible = gate.visible
    guard let told = told(visible), let view = visible.views[view] else { return nil }
    let starts = [window.start(of: view), archive?.start(of: view)].compactMap { $0 }
    return starts.filter { $0.epoch == told.epoch }.min { $0.lsn < $1.lsn }
  }

  /// Whether the changes behind a position of a view can be read; any thread.
  package func reaches(_ position: Position, of name: QualifiedName) -> Bool {
    guard let view = gate.visible.views[name] else { return false }
    if case .steps = window.steps(from: .after(position), upTo: .max, of: view, limit: 1) {
      return true
    }
    return archive?.reaches(.after(position), of: view) ?? false
  }

  /// The position behind which everything lies that was committed at `time` or later; reads the archive, and may block.
  ///
  /// - Parameter time: in microseconds since 2000-01-01 UTC.
  /// - Returns: nil where what happened then is not kept any more.
  package func position(before time: Int64) throws -> Position? {
    try window.position(before: time) ?? archive?.position(before: time)
  }
}

/// From where on changes are read.
package enum ReadingStart: Sendable {
  /// What is behind it.
  case after(Position)
  /// The step that ended there is the first.
  case at(Position)

  /// Everything asked for is behind it.
  package var position: Position {
    switch self {
    case .after(let position): position
    case .at(let position): Position(epoch: position.epoch, lsn: LSN(position.lsn.value - 1))
    }
  }

  /// The position that somebody was told.
  package var told: Position {
    switch self {
    case .after(let position), .at(let position): position
    }
  }
}

/// What there is of a view from some position on.
package enum ChangeReading: Sendable {
  /// All there is up to and with `end`.
  case steps([RecordedStep], end: Position, hasMore: Bool)
  /// It is in the archive, for whoever may block.
  case archived(ArchivedChanges)
  /// Not all of it is there any more, or never was. What happened between is to be read from the view itself;
  /// changes can be had again after `resumesAt`, if that is known yet.
  case gone(resumesAt: Position?)
}

/// Changes to be read from the archive.
package struct ArchivedChanges: Sendable {
  package let start: ReadingStart
  package let view: LiveView
  /// Steps behind it are left out.
  package let end: LSN
}

/// Changes that outlive the process and the window in memory; any thread.
package protocol ChangeArchive: Sendable {
  /// Up to where everything is there even if the process is killed now; nil while nothing can be written, and nobody is to wait for it.
  var written: Position? { get }

  /// Behind which position all of a view is kept; nil if nothing is.
  func start(of view: LiveView) -> Position?

  /// Whether the changes of a view from `start` on are kept.
  func reaches(_ start: ReadingStart, of view: LiveView) -> Bool

  /// Reads about a megabyte; blocks.
  ///
  /// - Returns: as in ``ChangeReading/steps(_:end:hasMore:)``; nil where they can't be read, or told from where the reader stands.
  func read(_ changes: ArchivedChanges) -> (steps: [RecordedStep], end: Position, hasMore: Bool)?

  /// As ``ChangeSource/position(before:)``.
  func position(before time: Int64) throws -> Position?
}

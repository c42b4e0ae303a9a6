/// Where changes are read from after they happened: a window in memory, or a log on disk.
package protocol ChangeSource: Sendable {
  /// The steps behind `position` that changed `view`, in order, with its changes only.
  ///
  /// - Parameters:
  ///   - position: of a step, of a keepalive, or anything in between.
  ///   - changesMax: after so many changes the answer ends with a whole step.
  func read(after position: Position, view: QualifiedName, changesMax: Int) -> ChangeReading
}

/// What a source has behind a position.
package enum ChangeReading: Sendable {
  /// All there is of the view up to and with `end`; there may be more behind it.
  case steps([LoggedStep], end: Position)
  /// Not all of it is there any more, or never was. What happened between is to be read from the view itself;
  /// changes can be had again after `resumesAt`, if that is known yet.
  case gone(resumesAt: Position?)
}

extension ChangeSource {
  /// Where somebody who wants to hear of `view` from now on begins; nil while that is not known.
  package func end(of view: QualifiedName) -> Position? {
    let nowhere = Position(epoch: Epoch.none, lsn: LSN(0))
    guard case .gone(let end) = read(after: nowhere, view: view, changesMax: 1) else { return nil }
    return end
  }
}

extension Epoch {
  /// Of no history.
  fileprivate static let none = Epoch(systemIdentifier: 0, timeline: 0, rewinds: .max)
}

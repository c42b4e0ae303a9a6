/// The newest changes from one source, and what it has no more, or never had, from another.
package struct BackedSource: ChangeSource {
  private let recent: any ChangeSource
  private let past: (any ChangeSource)?

  package init(_ recent: any ChangeSource, past: (any ChangeSource)?) {
    self.recent = recent
    self.past = past
  }

  package func read(after position: Position, view: QualifiedName, changesMax: Int)
    -> ChangeReading
  {
    let reading = recent.read(after: position, view: view, changesMax: changesMax)
    guard case .gone = reading,
      case .steps(let steps, let end)? =
        past?.read(after: position, view: view, changesMax: changesMax)
    else { return reading }
    return .steps(steps, end: end)
  }
}

import Engine

/// What receivers of webhooks have not been told, over restarts: steps as they were told before, under the same positions.
extension ChangeLog: ChangeSource {
  package func read(after position: Position, view name: QualifiedName, changesMax: Int)
    -> ChangeReading
  {
    let visible = store.gate.visible
    guard let seen = visible.position, seen.epoch == position.epoch, position.lsn <= seen.lsn,
      let view = visible.views.views.first(where: { $0.name == name }),
      var place = place(after: position, of: view)
    else { return .gone(resumesAt: visible.position) }
    var steps: [LoggedStep] = []
    var (reached, count) = (position, 0)
    while let past = read(from: place, after: reached, upTo: seen.lsn, of: view) {
      for step in past.steps {
        let changes = step.sections?.first?.changes.map { LoggedChange($0, of: view) } ?? []
        count += changes.count
        steps.append(
          LoggedStep(position: step.position, committedAt: step.committedAt, changes: changes))
        if count >= changesMax { return .steps(steps, end: step.position) }
      }
      reached = past.position
      // The rest is read when it is asked for: this is nobody's own queue.
      guard let next = past.next, steps.isEmpty else { return .steps(steps, end: reached) }
      place = next
    }
    return steps.isEmpty ? .gone(resumesAt: seen) : .steps(steps, end: reached)
  }
}

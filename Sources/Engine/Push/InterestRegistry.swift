/// All interests of one thread, kept up with the changes that readers can see.
///
/// Steps are taken in up to what is visible and never beyond, so that whoever reads at that moment reads the state that the
/// marks lead to.
package final class InterestRegistry {
  private let window: ChangeWindow
  private let hasher: RowHasher
  /// By the table of their view.
  private var views: [ObjectIdentifier: ViewInterests] = [:]
  private var directory: ViewDirectory?
  /// All steps up to it have been taken in.
  private var sequence: UInt64 = 0
  let marks: MarkBudget
  /// Of changes of the past, for those who come back.
  let pastMarks: MarkBudget

  /// Marks held for followers that are behind, and as many for those who come back; some 160 bytes each. What one interest holds is
  /// bounded by its keys, but a client may have a thousand.
  package static let marksMaxDefault = 1 << 20

  package init(_ store: ViewStore, _ window: ChangeWindow, marksMax: Int = marksMaxDefault) {
    self.window = window
    hasher = store.hasher
    marks = MarkBudget(max: marksMax)
    pastMarks = MarkBudget(max: marksMax)
  }

  package var isEmpty: Bool { views.isEmpty }

  /// Keeps no views from being freed while nobody follows any.
  package func rest() {
    if views.isEmpty { directory = nil }
  }

  /// Whether there is something to take in.
  package func isBehind(_ visible: ReadGate.Visible) -> Bool { visible.sequence > sequence }

  /// Takes in what has become visible, and tells followers.
  package func catchUp(to visible: ReadGate.Visible) {
    defer {
      sequence = visible.sequence
      directory = visible.views
    }
    guard !views.isEmpty else { return }
    if visible.sequence > sequence {
      switch window.steps(after: sequence, upTo: visible.sequence) {
      case .steps(let steps): for step in steps { take(step) }
      case .gone: for view in Array(views.values) { lose(view, .fellBehind) }
      }
    }
    if directory !== visible.views { leaveOthers(than: visible.views) }
  }

  private func take(_ step: RecordedStep) {
    guard let sections = step.sections else {
      for view in step.views {
        if let interests = views[ObjectIdentifier(view.table)] {
          lose(interests, .tooManyChanges)
        }
      }
      return
    }
    for section in sections {
      views[ObjectIdentifier(section.view.table)]?.take(section.changes) { shed() }
    }
  }

  /// Forgets half of the marks: what all know already, then half of each interest's in turn, from the one that holds most. Whoever
  /// would have to be told of them begins anew.
  private func shed() {
    let interests = views.values.flatMap(\.byName.values)
    for interest in interests {
      interest.prune()
      interest.countMarks()
    }
    for interest in interests.sorted(by: { $0.markCount > $1.markCount })
    where marks.count > marks.max / 2 {
      interest.loseHalf()
      interest.countMarks()
    }
  }

  /// Tells the followers of views that are not what they were: others, or with columns that filters mean something else by, such
  /// as an enum with another label.
  private func leaveOthers(than directory: ViewDirectory) {
    let columns = Dictionary(
      directory.views.map { (ObjectIdentifier($0.table), $0.definition.columns) },
      uniquingKeysWith: { $1 })
    for (table, interests) in Array(views) {
      guard columns[table] == interests.view.definition.columns else {
        lose(interests, .viewChanged)
        continue
      }
      // It may be right no more, or again.
      for interest in Array(interests.byName.values) { interest.tellFollowers() }
    }
  }

  private func lose(_ view: ViewInterests, _ loss: InterestLoss) {
    for interest in Array(view.byName.values) {
      for follower in interest.followers { follower.interestWasLost(loss) }
    }
  }

  // MARK: Following

  /// Starts to follow the rows of a view that pass a filter, from the moment that the registry has caught up with.
  ///
  /// - Parameter draft: used unless there is an interest of the same name already.
  package func follow(_ draft: Interest, _ follower: any InterestFollower) -> Interest {
    let view = draft.view
    let table = ObjectIdentifier(view.table)
    let interests = views[table] ?? ViewInterests(view, hasher: hasher, marks)
    views[table] = interests
    let interest = interests.byName[draft.name] ?? draft
    if interest === draft { interests.add(draft) }
    interest.add(follower)
    return interest
  }

  /// Whether all steps of a view behind `position` are at hand.
  package func knowsSteps(after position: Position, of view: LiveView) -> Bool {
    if case .steps = window.steps(after: position, upTo: sequence, of: view, limit: 0) {
      true
    } else {
      false
    }
  }

  /// What came of marking the past.
  package enum Replay: Equatable {
    /// All up to what has been taken in is marked.
    case all
    /// What lies behind this position is still to be marked.
    case upTo(Position)
    /// Some of it is not known any more.
    case gone
    /// More changed, at once or altogether, than is kept.
    case tooMany
  }

  /// Marks in `draft`, which nobody follows, what changed behind `position`, in at most so many steps.
  package func replay(after position: Position, in draft: Interest, atMost limit: Int) -> Replay {
    guard
      case .steps(let steps) = window.steps(
        after: position, upTo: sequence, of: draft.view, limit: limit)
    else { return .gone }
    guard mark(steps, in: draft) else { return .tooMany }
    guard steps.count == limit, let last = steps.last else { return .all }
    return .upTo(last.position)
  }

  /// Marks in `draft`, which nobody follows, what some steps of the past changed.
  ///
  /// - Returns: false if that is too much to be kept, beside what is kept for others.
  package func mark(_ steps: [RecordedStep], in draft: Interest) -> Bool {
    let interests = ViewInterests(draft.view, hasher: hasher, pastMarks)
    interests.add(draft)
    for step in steps {
      guard let sections = step.sections else {
        if step.views.contains(where: { $0.table === draft.view.table }) { return false }
        continue
      }
      for section in sections where section.view.table === draft.view.table {
        interests.take(section.changes) {}
        if draft.isCrowded || pastMarks.isExceeded { return false }
      }
    }
    return true
  }

  package func unfollow(_ interest: Interest, _ follower: any InterestFollower) {
    interest.remove(follower)
    guard interest.followers.isEmpty else { return }
    let table = ObjectIdentifier(interest.view.table)
    guard let interests = views[table], interests.byName[interest.name] === interest else { return }
    interests.remove(interest)
    if interests.isEmpty { views[table] = nil }
  }
}

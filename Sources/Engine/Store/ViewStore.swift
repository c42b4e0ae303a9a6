/// The rows of all live views, and the one position that readers see them at.
///
/// Outlives dataflows: when one is built again, readers keep what there is until its first step replaces it.
/// Written by one queue, read by any.
package final class ViewStore: @unchecked Sendable {
  package let gate: ReadGate
  package let feed = ChangeFeed()
  /// Judges holds, where they are taken; set before the first snapshot.
  package var holdWitness: (any HoldWitness)?
  /// Of restored views whose rows may share keys: what they showed at the checkpoint, where the log has changed that since. Nil where views
  /// are not as they were restored.
  var rowsBefore: [LoggedView: RowsBefore]?
  let hasher: RowHasher
  private let grouping: ViewGrouping?
  private let viewsReplaced: @Sendable (ViewDirectory) -> Void
  /// Only the writer's.
  private var sequence: UInt64 = 0
  private var current = ViewDirectory([])

  /// - Parameters:
  ///   - readers: how many threads read.
  ///   - hashSeed: random, per process.
  ///   - grouping: a view whose rows are to be found by one column of their key.
  ///   - viewsReplaced: called by the writer with views that are complete, right before readers see them; must be brief.
  package init(
    readers: Int, hashSeed: UInt64, grouping: ViewGrouping? = nil,
    viewsReplaced: @escaping @Sendable (ViewDirectory) -> Void = { _ in }
  ) {
    self.grouping = grouping
    self.viewsReplaced = viewsReplaced
    gate = ReadGate(readers: readers)
    hasher = RowHasher(seed: hashSeed)
  }

  /// Moves the position where nothing else changed, as a keepalive tells.
  package func advance(to position: Position) {
    gate.publish(sequence: sequence, position: position)
  }

  /// What row hashes depend on.
  package var hashSeed: UInt64 { hasher.seed }

  /// Of the last step that was begun.
  var newestSequence: UInt64 { sequence }

  func nextSequence() -> UInt64 {
    sequence += 1
    return sequence
  }

  /// The views of a plan, with the tables of those that are served already.
  func views(for views: [Plan.View]) -> [LiveView] {
    views.map { view in
      let served = current.views.first { $0.name == view.name && $0.isCompatible(with: view) }
      return LiveView(definition: view, table: served?.table ?? makeTable(view))
    }
  }

  /// Views served so far that can't be kept live any more, each degraded by the reason.
  func frozenViews(besides views: [Plan.View], refused: [String: String]) -> [LiveView] {
    current.views.filter { served in !views.contains { $0.name == served.name } }.map { served in
      var status = served.status(at: sequence)
      status.degradation =
        refused[served.name.description] ?? refused[served.name.name]
        ?? "it is not followed any more"
      return LiveView(definition: served.definition, table: served.table, status: status)
    }
  }

  /// - Parameter birth: the first step that readers see it at; nil for the next.
  func makeTable(_ view: Plan.View, birth: UInt64? = nil) -> ViewTable {
    let birth = birth ?? sequence + 1
    guard let grouping, view.name.isCalled(grouping.view),
      let column = view.key.firstIndex(where: {
        view.columns[$0].name.isSameName(as: grouping.column)
      })
    else { return ViewTable(hasher: hasher, birth: birth) }
    return ViewTable(
      hasher: hasher, birth: birth, keyTypes: view.key.map { view.columns[$0].type },
      groupedBy: column)
  }

  func publish(sequence: UInt64, position: Position, directory: ViewDirectory?) {
    if let directory {
      current = directory
      rowsBefore = nil
      viewsReplaced(directory)
      feed.replace(directory, at: position)
    }
    gate.publish(sequence: sequence, position: position, views: directory)
  }

  /// Takes back a step that can't be published, so that what comes next is compared with what readers see.
  func rollBack(_ directory: ViewDirectory) {
    sequence = gate.visible.sequence
    for view in directory.views { view.rollBack(to: sequence) }
  }

  func prune(_ directory: ViewDirectory) {
    let oldest = gate.oldestNeeded
    for view in directory.views { view.prune(oldestNeeded: oldest) }
  }
}

/// A view whose rows are looked up by one column of their key as well.
package struct ViewGrouping: Sendable {
  let view: String
  let column: String

  /// - Parameters:
  ///   - view: with its schema or without.
  ///   - column: by name. The view is not grouped if its key does not have it.
  package init(view: String, column: String) {
    self.view = view
    self.column = column
  }
}

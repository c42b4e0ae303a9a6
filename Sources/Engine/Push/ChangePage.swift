/// What some steps changed of the rows that pass a filter, each key once: a page of a view's changes.
///
/// It reflects the last of its steps exactly, whatever has happened since.
package struct ChangePage {
  package enum Change {
    /// Valid as long as the page is.
    case upsert(RowRef, copies: Int)
    /// The key's columns as JSON.
    case delete(key: [UInt8])
  }

  /// In the order of each key's first change.
  package private(set) var changes: [Change] = []
  /// What the page reflects.
  package private(set) var position: Position
  /// Whether there are steps behind it.
  package private(set) var hasMore = false

  private var places: [[UInt8]: Int] = [:]
  /// Keep the rows.
  private var steps: [RecordedStep] = []

  /// - Parameters:
  ///   - position: what is known before the first of `steps`.
  ///   - interest: in whose rows the page is; it is not changed.
  ///   - limit: keys, at least 1; a step that passes it is taken whole.
  /// - Returns: nil if a step's changes were too many to be kept.
  package init?(
    _ steps: [RecordedStep], after position: Position, of interest: Interest, limit: Int
  ) {
    self.position = position
    for step in steps {
      guard changes.count < limit else {
        hasMore = true
        return
      }
      guard let sections = step.sections else {
        if step.views.contains(where: { $0.table === interest.view.table }) { return nil }
        self.position = step.position
        continue
      }
      for section in sections where section.view.table === interest.view.table {
        add(section.changes, interest)
      }
      self.steps.append(step)
      self.position = step.position
    }
  }

  /// Moves the page on to where nothing more has changed.
  ///
  /// - Parameter hasMore: whether there is more behind that.
  package mutating func extend(to position: Position, hasMore: Bool = false) {
    guard !self.hasMore else { return }
    self.position = position
    self.hasMore = hasMore
  }

  private mutating func add(_ changes: [RecordedChange], _ interest: Interest) {
    // What goes comes first: the key of a row may be another row's afterwards.
    for change in changes {
      guard let gone = interest.goneKey(change) else { continue }
      put(.delete(key: interest.keyJSON(of: gone.row)), under: gone.key)
    }
    for change in changes {
      guard let row = interest.presentRow(change) else { continue }
      put(.upsert(row, copies: change.copies), under: change.key)
    }
  }

  private mutating func put(_ change: Change, under key: RowRef) {
    let bytes = Array(key.bytes)
    if let place = places[bytes] {
      changes[place] = change
    } else {
      places[bytes] = changes.count
      changes.append(change)
    }
  }
}

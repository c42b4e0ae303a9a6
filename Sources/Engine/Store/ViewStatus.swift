/// What is to be known of a view as a whole at some position.
package struct ViewStatus: Sendable, Equatable {
  /// Copies counted.
  package var rowCount = 0
  /// Keys whose row has no right value.
  package var faultyCount = 0
  /// Why the view can't be trusted as it stands, if so.
  package var degradation: String?
}

/// A view's statuses by the step that made them: the newest, and older ones while a reader may be there.
struct StatusHistory: Sendable {
  private var entries: [(sequence: UInt64, status: ViewStatus)]

  init(_ status: ViewStatus) { entries = [(0, status)] }

  func status(at sequence: UInt64) -> ViewStatus {
    (entries.last { $0.sequence <= sequence } ?? entries[0]).status
  }

  mutating func add(_ status: ViewStatus, at sequence: UInt64) {
    guard entries[entries.count - 1].status != status else { return }
    if entries[entries.count - 1].sequence == sequence { entries.removeLast() }
    entries.append((sequence, status))
  }

  /// Forgets what no reader at `oldestNeeded` or later asks for.
  mutating func prune(oldestNeeded: UInt64) {
    while entries.count > 1, entries[1].sequence <= oldestNeeded { entries.removeFirst() }
  }

  /// Forgets what came after `sequence`.
  mutating func rollBack(to sequence: UInt64) {
    while entries.count > 1, entries[entries.count - 1].sequence > sequence { entries.removeLast() }
  }
}

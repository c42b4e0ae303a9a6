import Synchronization

/// What one step changed, for whoever passes changes on; borrowed for the time of a call.
package struct ChangeBatch {
  /// Of the step, as row versions carry it.
  package let sequence: UInt64
  /// The END of the last transaction in the step.
  package let position: Position
  /// Microseconds since 2000-01-01 UTC; nil for a snapshot.
  package let committedAt: Int64?
  /// The last transaction in the step.
  package let xid: UInt32?
  /// What readers saw before, where the step is a snapshot or more than one transaction: a position between that and ``position``, as
  /// another instance may have told it, is not among the states that the step leads from. Nil for a single transaction.
  package let spansFrom: Position?
  /// By view, then by the bytes of the key.
  package private(set) var changes: [ViewChange]

  init(
    sequence: UInt64, position: Position, committedAt: Int64?, xid: UInt32?,
    spansFrom: Position? = nil, changes: [ViewChange]
  ) {
    self.sequence = sequence
    self.position = position
    self.committedAt = committedAt
    self.xid = xid
    self.spansFrom = spansFrom
    self.changes = changes
    for index in changes.indices { self.changes[index].ordinal = index }
  }
}

/// One row of a view going from an old to a new state.
///
/// Rows and keys point into memory of the step: copy what is to outlive the call.
package struct ViewChange {
  package let view: LiveView
  /// The place in the step's changes.
  package fileprivate(set) var ordinal: Int
  package let key: RowRef
  /// The key of `old` where it was another.
  package let formerKey: RowRef?
  /// Nil where the row is new.
  package let old: RowRef?
  /// Nil where the row is gone.
  package let new: RowRef?
  /// How often the row is there afterwards; other than 0 or 1 only in views without a key.
  package let copies: Int
}

/// Takes each step's changes, on the queue that applies them: must be brief and not block.
package protocol ChangeListener: AnyObject, Sendable {
  /// Whether the rows of the first snapshot are of use, which nobody has seen anything before.
  var needsFirstRows: Bool { get }

  /// Called once per step that changes rows, in order, before its changes become visible: whoever sees a position finds that
  /// all changes up to it have been handed over. For the first step it is called whatever it changes.
  func viewsChanged(_ batch: borrowing ChangeBatch)

  /// Called once the changes handed over last are visible.
  func changesBecameVisible()

  /// Called with the views that are served from a position on, when they are other ones, right before readers see them there.
  func viewsReplaced(_ directory: ViewDirectory, at position: Position)
}

extension ChangeListener {
  package var needsFirstRows: Bool { true }
  package func changesBecameVisible() {}
  package func viewsReplaced(_ directory: ViewDirectory, at position: Position) {}
}

/// Hands the changes of every step to whoever listens: push, webhooks, the log.
package final class ChangeFeed: Sendable {
  private let listeners = Mutex<[any ChangeListener]>([])

  package init() {}

  package func add(_ listener: any ChangeListener) {
    listeners.withLock { $0.append(listener) }
  }

  package func remove(_ listener: any ChangeListener) {
    listeners.withLock { $0.removeAll { $0 === listener } }
  }

  /// Those who want the changes of the next step.
  func listeners(isFirst: Bool) -> [any ChangeListener] {
    listeners.withLock { $0 }.filter { !isFirst || $0.needsFirstRows }
  }

  /// - Parameter batch: what ``listeners(isFirst:)`` are told; the others learn of the first step that it was.
  func send(_ batch: ChangeBatch, isFirst: Bool) {
    let bare = ChangeBatch(
      sequence: batch.sequence, position: batch.position, committedAt: batch.committedAt,
      xid: batch.xid, spansFrom: batch.spansFrom, changes: [])
    for listener in listeners.withLock({ $0 }) {
      listener.viewsChanged(isFirst && !listener.needsFirstRows ? bare : batch)
    }
  }

  func replace(_ directory: ViewDirectory, at position: Position) {
    for listener in listeners.withLock({ $0 }) {
      listener.viewsReplaced(directory, at: position)
    }
  }

  func announce() {
    for listener in listeners.withLock({ $0 }) { listener.changesBecameVisible() }
  }
}

extension ViewChange {
  init(
    view: LiveView, key: RowRef, formerKey: RowRef?, old: RowRef?, new: RowRef?, copies: Int
  ) {
    self.init(
      view: view, ordinal: 0, key: key, formerKey: formerKey, old: old, new: new, copies: copies)
  }
}

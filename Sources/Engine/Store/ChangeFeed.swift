import Synchronization

/// What one step changed, for whoever passes changes on; borrowed for the time of a call.
package struct ChangeBatch {
  /// The END of the last transaction in the step.
  package let position: Position
  /// Microseconds since 2000-01-01 UTC; nil for a snapshot.
  package let committedAt: Int64?
  /// The last transaction in the step.
  package let xid: UInt32?
  /// By view, then by the bytes of the key.
  package let changes: [ViewChange]
}

/// One row of a view going from an old to a new state.
///
/// Rows and keys point into memory of the step: copy what is to outlive the call.
package struct ViewChange {
  package let view: LiveView
  /// The place in the step's changes.
  package fileprivate(set) var ordinal: Int
  package let key: RowRef
  /// Nil where the row is new.
  package let old: RowRef?
  /// Nil where the row is gone.
  package let new: RowRef?
  /// How often the row is there afterwards; other than 0 or 1 only in views without a key.
  package let copies: Int
}

/// Takes each step's changes, on the queue that applies them: must be brief and not block.
package protocol ChangeListener: AnyObject, Sendable {
  /// Called after the changes became visible, once per step, in order.
  func viewsChanged(_ batch: borrowing ChangeBatch)
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

  var hasListeners: Bool { listeners.withLock { !$0.isEmpty } }

  func send(
    _ changes: [ViewChange], position: Position, committedAt: Int64?, xid: UInt32?
  ) {
    let current = listeners.withLock { $0 }
    guard !current.isEmpty, !changes.isEmpty else { return }
    var numbered = changes
    for index in numbered.indices { numbered[index].ordinal = index }
    let batch = ChangeBatch(
      position: position, committedAt: committedAt, xid: xid, changes: numbered)
    for listener in current { listener.viewsChanged(batch) }
  }
}

extension ViewChange {
  init(view: LiveView, key: RowRef, old: RowRef?, new: RowRef?, copies: Int) {
    self.init(view: view, ordinal: 0, key: key, old: old, new: new, copies: copies)
  }
}

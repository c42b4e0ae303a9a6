import Engine
import Synchronization

/// Applies a feed's changes to a copy of the views that have a key, as a client would, and notes what does not fit.
final class FeedRecorder: ChangeListener {
  struct Record: Sendable {
    /// By view and key.
    var rows: [String: [[UInt8]: [UInt8]]] = [:]
    var positions: [Position] = []
    var changeCount = 0
    var mismatches: [String] = []
  }

  private let record = Mutex(Record())

  var current: Record { record.withLock { $0 } }

  func viewsChanged(_ batch: borrowing ChangeBatch) {
    let position = batch.position
    let changes = batch.changes
    record.withLock { record in
      if let last = record.positions.last, last.epoch == position.epoch, position.lsn < last.lsn {
        record.mismatches.append("\(position) after \(last)")
      }
      record.positions.append(position)
      for change in changes where change.view.hasKey { Self.apply(change, position, to: &record) }
    }
  }

  private static func apply(_ change: ViewChange, _ position: Position, to record: inout Record) {
    let view = change.view.name.name
    let old = change.old.map { Array($0.bytes) }
    let new = change.new.map { Array($0.bytes) }
    let key = Array(change.key.bytes)
    record.changeCount += 1
    if old == new { record.mismatches.append("\(view) at \(position): nothing changed") }
    let known = record.rows[view]?[key]
    if known != old { record.mismatches.append("\(view) at \(position): the old row is another") }
    record.rows[view, default: [:]][key] = new
  }

  /// The rows of a view as readers see them now.
  static func rows(of view: LiveView, at sequence: UInt64) -> Set<[UInt8]> {
    var rows: Set<[UInt8]> = []
    view.table.forEachRow(at: sequence) { rows.insert(Array($0.row.bytes)) }
    return rows
  }
}

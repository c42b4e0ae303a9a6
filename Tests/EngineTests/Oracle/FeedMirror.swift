import Synchronization

@testable import Engine

/// What somebody knows of the views who only ever heard of changes.
final class FeedMirror: ChangeListener {
  struct Row: Equatable {
    let text: String
    let copies: Int
  }

  private typealias Rows = [[UInt8]: Row]

  private let views = Mutex<[String: Rows]>([:])
  private let steps = Mutex<[Int]>([])

  /// How many changes each step had.
  var changeCounts: [Int] { steps.withLock { $0 } }

  func viewsChanged(_ batch: borrowing ChangeBatch) {
    let changes = batch.changes
    steps.withLock { $0.append(changes.count) }
    views.withLock { views in
      for change in changes {
        if let old = change.old { views[change.view.name.name]?[Self.key(old, change.view)] = nil }
      }
      for change in changes {
        guard let new = change.new else { continue }
        let row = Row(text: new.text(change.view), copies: change.copies)
        views[change.view.name.name, default: [:]][Array(change.key.bytes)] = row
      }
    }
  }

  /// The rows of a view as ``LiveView/lines(at:)`` gives them.
  func lines(of view: LiveView) -> [String] {
    let rows = views.withLock { $0[view.name.name] ?? [:] }
    return rows.values.flatMap { Array(repeating: $0.text, count: $0.copies) }.sorted()
  }

  private static func key(_ row: RowRef, _ view: LiveView) -> [UInt8] {
    let key = view.makeKeyBuilder()
    // The key owns the bytes of what it builds.
    return withExtendedLifetime(key) { Array(key.build { row.datum(view.keySlots[$0]) }.bytes) }
  }
}

extension RowRef {
  func text(_ view: LiveView, exactColumns: Set<Int> = []) -> String {
    let cells = view.rowLayout.slots.indices.map { index in
      Cell(datum(view.rowLayout.slots[index]), view.rowLayout.types[index])
    }
    return SlowPlan.line(
      cells.enumerated().map { $1.text(exactly: exactColumns.contains($0)) },
      isFaulty: fault != nil || cells.contains(.fault))
  }
}

extension LiveView {
  /// The rows as text, duplicates included, sorted.
  func lines(at sequence: UInt64, exactColumns: Set<Int> = []) -> [String] {
    var lines: [String] = []
    table.forEachRow(at: sequence) { version in
      let line = version.row.text(self, exactColumns: exactColumns)
      lines += Array(repeating: line, count: version.copies)
    }
    return lines.sorted()
  }
}

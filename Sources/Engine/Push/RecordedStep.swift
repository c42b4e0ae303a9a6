/// What one step changed, copied to outlive it.
///
/// Shared by all threads and never changed. Rows and keys are valid as long as the step is.
package final class RecordedStep: @unchecked Sendable {
  package let sequence: UInt64
  package let position: Position
  /// Microseconds since 2000-01-01 UTC; nil for a snapshot.
  package let committedAt: Int64?
  /// The changes of each view concerned; nil if they were too many to be kept.
  package let sections: [Section]?
  /// The views concerned.
  package let views: [LiveView]
  /// What the step holds in memory, about.
  let byteCount: Int
  /// As ``ChangeBatch/spansFrom``.
  let spansFrom: Position?

  /// What the rows lie in.
  private let owner: AnyObject?

  private final class RowStorage {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) { bytes = .allocate(byteCount: byteCount, alignment: 8) }

    deinit { bytes.deallocate() }
  }

  /// One view's part of a step.
  package struct Section {
    package let view: LiveView
    /// In the order of their keys; valid while the step is kept.
    package let changes: [RecordedChange]
  }

  /// - Parameter bytesMax: rows that take more are not copied.
  init(_ batch: borrowing ChangeBatch, bytesMax: Int) {
    sequence = batch.sequence
    position = batch.position
    committedAt = batch.committedAt
    spansFrom = batch.spansFrom
    let changes = batch.changes
    var needed = 0
    for change in changes where needed <= bytesMax { needed += RecordedChange.byteCount(change) }
    var views: [LiveView] = []
    for change in changes where views.last !== change.view { views.append(change.view) }
    self.views = views
    let overhead = 256 + views.count * 64
    guard needed <= bytesMax else {
      owner = nil
      sections = nil
      byteCount = overhead
      return
    }
    let storage = RowStorage(byteCount: needed)
    owner = storage
    var free = storage.bytes.baseAddress
    var sections: [Section] = []
    var start = 0
    for view in views {
      let end = changes[start...].firstIndex { $0.view !== view } ?? changes.count
      let recorded = changes[start..<end].map { RecordedChange($0, copiedTo: &free) }
      sections.append(Section(view: view, changes: recorded))
      start = end
    }
    self.sections = sections
    byteCount = overhead + needed + changes.count * MemoryLayout<RecordedChange>.stride
  }

  /// One view's part of a step of the past.
  ///
  /// - Parameters:
  ///   - section: of the step; nil where it did not concern the view.
  ///   - view: as it is now.
  ///   - owner: what the rows lie in.
  package init(
    _ step: StepRecord, _ section: StepRecord.Section?, of view: LiveView, in owner: AnyObject
  ) {
    sequence = 0
    position = step.position
    committedAt = step.committedAt
    spansFrom = step.spansFrom.map { Position(epoch: step.position.epoch, lsn: $0) }
    sections = section.map { [Section(view: view, changes: $0.changes)] } ?? []
    views = section == nil ? [] : [view]
    byteCount = 0
    self.owner = owner
  }

  private init(_ step: RecordedStep, without tables: Set<ObjectIdentifier>) {
    sequence = step.sequence
    position = step.position
    committedAt = step.committedAt
    spansFrom = step.spansFrom
    byteCount = step.byteCount
    owner = step.owner
    views = step.views.filter { !tables.contains(ObjectIdentifier($0.table)) }
    sections = step.sections?.filter { !tables.contains(ObjectIdentifier($0.view.table)) }
  }

  /// The step without what it says of some tables, which it keeps from being freed otherwise.
  func leaving(_ tables: Set<ObjectIdentifier>) -> RecordedStep {
    let isConcerned = views.contains { tables.contains(ObjectIdentifier($0.table)) }
    return isConcerned ? RecordedStep(self, without: tables) : self
  }

  /// Whether a position of the same history lies inside the step: what changed since can't be told from it.
  package func spans(_ position: Position) -> Bool { spans(.after(position)) }

  /// The same of where somebody begins to read.
  package func spans(_ start: ReadingStart) -> Bool {
    guard let spansFrom, spansFrom.epoch == start.told.epoch else { return false }
    return start.position.lsn > spansFrom.lsn && start.told.lsn < position.lsn
  }

  /// What it changed of a view; nil if that was too much to be kept.
  package func changes(of view: LiveView) -> [RecordedChange]? {
    guard let sections else {
      return views.contains { $0.table === view.table } ? nil : []
    }
    return sections.first { $0.view.table === view.table }?.changes ?? []
  }
}

/// One row's change in a ``RecordedStep``; as ``ViewChange``.
package struct RecordedChange {
  package let key: RowRef
  package let formerKey: RowRef?
  package let old: RowRef?
  package let new: RowRef?
  package let copies: Int

  init(key: RowRef, formerKey: RowRef?, old: RowRef?, new: RowRef?, copies: Int) {
    self.key = key
    self.formerKey = formerKey
    self.old = old
    self.new = new
    self.copies = copies
  }

  fileprivate init(_ change: ViewChange, copiedTo free: inout UnsafeMutableRawPointer?) {
    key = Self.copy(change.key, to: &free)
    formerKey = change.formerKey.map { Self.copy($0, to: &free) }
    old = change.old.map { Self.copy($0, to: &free) }
    new = change.new.map { Self.copy($0, to: &free) }
    copies = change.copies
  }

  fileprivate static func byteCount(_ change: ViewChange) -> Int {
    [change.key, change.formerKey, change.old, change.new].reduce(0) { sum, row in
      sum + (row.map { padded($0.count) } ?? 0)
    }
  }

  private static func copy(_ row: RowRef, to free: inout UnsafeMutableRawPointer?) -> RowRef {
    guard let place = free else { return row }
    place.copyMemory(from: row.base, byteCount: row.count)
    free = place + padded(row.count)
    return RowRef(base: UnsafeRawPointer(place), count: row.count)
  }

  private static func padded(_ count: Int) -> Int { (count + 7) & ~7 }
}

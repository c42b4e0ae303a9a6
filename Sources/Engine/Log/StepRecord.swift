/// One step as the log has it; rows point into the frame that it was read from.
package struct StepRecord {
  package let position: Position
  /// Microseconds since 2000-01-01 UTC; nil for a snapshot.
  package let committedAt: Int64?
  package let xid: UInt32?
  /// As ``ChangeBatch/spansFrom``.
  package let spansFrom: LSN?
  /// By view, as they were changed.
  package let sections: [Section]

  package struct Section {
    package let view: LoggedView
    package let changes: [RecordedChange]
  }

  private enum Has {
    static let committedAt: UInt8 = 1
    static let xid: UInt8 = 2
    static let spansFrom: UInt8 = 4

    static let formerKey: UInt8 = 1
    static let old: UInt8 = 2
    static let new: UInt8 = 4
  }

  /// Of a change: flags, copies and the length of a key.
  private static let changeBytesMin = 10

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    position = try Position(&cursor)
    let flags = try cursor.integer(UInt8.self)
    committedAt = flags & Has.committedAt == 0 ? nil : try cursor.integer(Int64.self)
    xid = flags & Has.xid == 0 ? nil : try cursor.integer(UInt32.self)
    spansFrom = flags & Has.spansFrom == 0 ? nil : LSN(try cursor.integer(UInt64.self))
    var sections: [Section] = []
    for _ in 0..<(try cursor.count(bytesEach: 20)) {
      let view = try LoggedView(&cursor)
      let count = try cursor.count(bytesEach: Self.changeBytesMin)
      var changes: [RecordedChange] = []
      changes.reserveCapacity(count)
      for _ in 0..<count { changes.append(try Self.change(&cursor)) }
      sections.append(Section(view: view, changes: changes))
    }
    self.sections = sections
  }

  private static func change(_ cursor: inout LogCursor) throws(LogDamage) -> RecordedChange {
    let flags = try cursor.integer(UInt8.self)
    let copies = Int(try cursor.integer(UInt32.self))
    return RecordedChange(
      key: try cursor.row(),
      formerKey: flags & Has.formerKey == 0 ? nil : try cursor.row(),
      old: flags & Has.old == 0 ? nil : try cursor.row(),
      new: flags & Has.new == 0 ? nil : try cursor.row(), copies: copies)
  }

  // MARK: Writing

  package static func append(_ batch: borrowing ChangeBatch, to bytes: inout [UInt8]) {
    bytes.append(LogRecord.Kind.step.rawValue)
    batch.position.append(to: &bytes)
    appendOrigin(batch, to: &bytes)
    let changes = batch.changes
    let viewsAt = bytes.count
    bytes.append(integer: UInt32(0))
    var viewCount: UInt32 = 0
    var start = 0
    while start < changes.count {
      let view = changes[start].view
      let end = changes[start...].firstIndex { $0.view !== view } ?? changes.count
      LoggedView(view).append(to: &bytes)
      bytes.append(integer: UInt32(end - start))
      for change in changes[start..<end] { append(change, to: &bytes) }
      viewCount += 1
      start = end
    }
    bytes.put(integer: viewCount, at: viewsAt)
  }

  private static func appendOrigin(_ batch: borrowing ChangeBatch, to bytes: inout [UInt8]) {
    let spansFrom = batch.spansFrom.flatMap { $0.epoch == batch.position.epoch ? $0.lsn : nil }
    bytes.append(
      (batch.committedAt == nil ? 0 : Has.committedAt) | (batch.xid == nil ? 0 : Has.xid)
        | (spansFrom == nil ? 0 : Has.spansFrom))
    if let time = batch.committedAt { bytes.append(integer: time) }
    if let xid = batch.xid { bytes.append(integer: xid) }
    if let spansFrom { bytes.append(integer: spansFrom.value) }
  }

  private static func append(_ change: ViewChange, to bytes: inout [UInt8]) {
    let flagsAt = bytes.count
    bytes.append(0)
    bytes.append(integer: UInt32(clamping: change.copies))
    bytes.append(block: change.key.bytes)
    // Set where rows are written: in optimized code of Swift 6.3 `row == nil` may be false and `if let row` fail all the same, for a
    // nil that generic code made, as the one looks at the whole of a `RowRef` and the other at its pointer.
    var flags: UInt8 = 0
    func append(_ row: RowRef?, _ flag: UInt8) {
      guard let row else { return }
      flags |= flag
      bytes.append(block: row.bytes)
    }
    append(change.formerKey, Has.formerKey)
    append(change.old, Has.old)
    append(change.new, Has.new)
    bytes[flagsAt] = flags
  }

  /// How long the record of a batch is, or a little less than it.
  package static func byteCount(_ batch: borrowing ChangeBatch) -> Int {
    var count = 64
    for change in batch.changes {
      count += 9 + change.key.count
      if let row = change.formerKey { count += 4 + row.count }
      if let row = change.old { count += 4 + row.count }
      if let row = change.new { count += 4 + row.count }
    }
    return count
  }
}

/// The rows of one input of a join, found by any of several sets of columns.
///
/// Each distinct row is one record with its weight; each index is a table from key to the first record of a
/// list, which runs through the records. A row with a null in an index's key is not in that index: it matches nothing.
struct JoinArrangement: ~Copyable {
  /// One way to look rows up.
  struct Index {
    let columns: [Int]
    let slots: [ColumnSlot]
    let key: CanonicalKey
  }

  /// A row's payload: its weight, then for each index the record before, the record after and the index's entry; then what
  /// the owner keeps.
  enum Link {
    static func previous(_ index: Int) -> Int { 8 + 24 * index }
    static func next(_ index: Int) -> Int { 16 + 24 * index }
    static func owner(_ index: Int) -> Int { 24 + 24 * index }
  }

  let layout: RowLayout
  private(set) var indexes: [Index]
  let hasher: RowHasher
  var rows: RowTable
  /// By index; payload: the first record of the list.
  let tables: [RowTableBox]
  /// Where a record's payload has the owner's own bytes, zero at first.
  let extraOffset: Int

  init(
    layout: RowLayout, indexedBy columnSets: [[Int]], extraBytes: Int = 0, hasher: RowHasher
  ) {
    self.layout = layout
    self.hasher = hasher
    indexes = columnSets.map { columns in
      Index(
        columns: columns, slots: columns.map { layout.slots[$0] },
        key: CanonicalKey(columns.map { layout.types[$0] }))
    }
    extraOffset = 8 + 24 * columnSets.count
    rows = RowTable(payloadBytes: extraOffset + extraBytes)
    tables = columnSets.map { _ in RowTableBox() }
  }

  mutating func add(_ row: RowRef, weight: Int) {
    var inserted = false
    let record = hold(row, inserted: &inserted)
    record.rowWeight += weight
    if record.rowWeight == 0 { drop(record) }
  }

  /// The record of a row, made with weight 0 where there was none; it stays until it is dropped.
  mutating func hold(_ row: RowRef, inserted: inout Bool) -> RowTable.Record {
    let record = rows.findOrInsert(row, hash: hasher.hash(row), inserted: &inserted)
    if inserted { for index in indexes.indices { link(record, index) } }
    return record
  }

  mutating func drop(_ record: RowTable.Record) {
    for index in indexes.indices { unlink(record, index) }
    rows.remove(record)
  }

  /// Calls `body` with each row whose key in `index` is `key`, and its weight.
  @inline(__always)
  borrowing func forEachMatch(in index: Int, matching key: RowRef, _ body: (RowRef, Int) -> Void) {
    forEachRecord(in: index, matching: key) { body($0.key, $0.rowWeight) }
  }

  /// Calls `body` with the record of each row whose key in `index` is `key`.
  @inline(__always)
  borrowing func forEachRecord(
    in index: Int, matching key: RowRef, _ body: (RowTable.Record) -> Void
  ) {
    guard let entry = tables[index].table.find(key, hash: hasher.hash(key)) else { return }
    var next = entry.payload.load(as: UnsafeMutableRawPointer?.self)
    while let base = next {
      let record = RowTable.Record(base: base)
      body(record)
      next = record.payload.load(
        fromByteOffset: Link.next(index), as: UnsafeMutableRawPointer?.self)
    }
  }

  borrowing func forEachRow(_ body: (RowRef, Int) -> Void) {
    rows.forEachRecord { body($0.key, $0.rowWeight) }
  }

  // MARK: Lists

  private func link(_ record: RowTable.Record, _ index: Int) {
    let description = indexes[index]
    let row = record.key
    var hasNull = false
    let key = description.key.build { position in
      let datum = row.datum(description.slots[position])
      switch datum {
      case .null, .fault: hasNull = true
      case .word, .bytes: break
      }
      return datum
    }
    guard !hasNull else { return }
    var inserted = false
    let entry = tables[index].table.findOrInsert(key, hash: hasher.hash(key), inserted: &inserted)
    let first = entry.payload.load(as: UnsafeMutableRawPointer?.self)
    Self.set(record.base, Link.next(index), first)
    Self.set(record.base, Link.owner(index), entry.base)
    if let first { Self.set(first, Link.previous(index), record.base) }
    entry.payload.storeBytes(of: record.base, as: UnsafeMutableRawPointer?.self)
  }

  private func unlink(_ record: RowTable.Record, _ index: Int) {
    guard let owner = Self.get(record.base, Link.owner(index)) else { return }
    let previous = Self.get(record.base, Link.previous(index))
    let next = Self.get(record.base, Link.next(index))
    if let next { Self.set(next, Link.previous(index), previous) }
    if let previous {
      Self.set(previous, Link.next(index), next)
    } else if let next {
      RowTable.Record(base: owner).payload.storeBytes(of: next, as: UnsafeMutableRawPointer?.self)
    } else {
      tables[index].table.remove(RowTable.Record(base: owner))
    }
  }

  static func get(_ record: UnsafeMutableRawPointer, _ offset: Int)
    -> UnsafeMutableRawPointer?
  {
    RowTable.Record(base: record).payload.load(
      fromByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }

  static func set(
    _ record: UnsafeMutableRawPointer, _ offset: Int, _ value: UnsafeMutableRawPointer?
  ) {
    RowTable.Record(base: record).payload.storeBytes(
      of: value, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }
}

extension RowTable.Record {
  /// How often an arrangement has the row.
  @inline(__always)
  var rowWeight: Int {
    get { payload.load(as: Int.self) }
    nonmutating set { payload.storeBytes(of: newValue, as: Int.self) }
  }
}

/// A table in an array: noncopyable values can't be its elements.
final class RowTableBox {
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) var table = RowTable(payloadBytes: 8)
}

/// The rows of a table, as a snapshot and then the log deliver them.
///
/// The owner of the wire fills ``new`` and ``old``, one value per column in use, and says what happened. Where only
/// the key of an old row comes along, the table's rows are kept here by key.
package final class TableInput: Operator {
  package enum WireValue: BitwiseCopyable {
    case null
    /// A large value that the log leaves out because it did not change.
    case unchanged
    /// In the binary format of the type's send function; must stay valid until the row is ended.
    case binary(UnsafeRawBufferPointer)
  }

  package let source: Plan.Source
  /// The row as it is now, by index into the source's columns.
  package let new: UnsafeMutableBufferPointer<WireValue>
  /// The row as it was: whole, or its key columns.
  package let old: UnsafeMutableBufferPointer<WireValue>

  private let node: Int
  let hasher: RowHasher
  private let arena = ScratchArena()
  let keyColumns: [Int]?
  let key: CanonicalKey
  // Unchecked for the reason given in `RowBatch`.
  /// Rows by key; payload: the row's block.
  @exclusivity(unchecked) var rows = RowTable(payloadBytes: 8)

  init(source: Plan.Source, node: Int, hasher: RowHasher) {
    self.source = source
    self.node = node
    self.hasher = hasher
    new = .allocate(capacity: source.columns.count)
    new.initialize(repeating: .null)
    old = .allocate(capacity: source.columns.count)
    old.initialize(repeating: .null)
    switch source.identity {
    case .full: keyColumns = nil
    case .key(let columns): keyColumns = columns
    }
    key = CanonicalKey((keyColumns ?? []).map { source.columns[$0].type })
    super.init(layout: RowLayout(source.columns.map(\.type)))
  }

  deinit {
    new.deallocate()
    old.deallocate()
    rows.forEachRecord { Self.storedRow($0).deallocate() }
  }

  /// The row in ``new`` came.
  package func insert() throws(DataflowFault) {
    let row = try build(new, unchangedFrom: nil, weight: 1)
    if let keyColumns { try store(row, keyedBy: keyColumns) }
    emitIfFull()
  }

  /// The row in ``old`` went.
  package func delete() throws(DataflowFault) {
    if let keyColumns {
      try retract(keyOf: old, keyColumns)
    } else {
      _ = try build(old, unchangedFrom: nil, weight: -1)
    }
    emitIfFull()
  }

  /// The row in ``old`` became the one in ``new``; without `hasOld` its key did not change.
  package func update(hasOld: Bool) throws(DataflowFault) {
    if let keyColumns {
      let retracted = output.count
      try retract(keyOf: hasOld ? old : new, keyColumns)
      let row = try build(new, unchangedFrom: retracted, weight: 1)
      try store(row, keyedBy: keyColumns)
    } else {
      guard hasOld else { throw .retractedUnknownRow(node: node) }
      let retracted = output.count
      _ = try build(old, unchangedFrom: nil, weight: -1)
      _ = try build(new, unchangedFrom: retracted, weight: 1)
    }
    emitIfFull()
  }

  /// All rows went.
  ///
  /// Where that can't be said at once, as behind a `UNION ALL`, they go one by one; where they are not kept either,
  /// the dataflow has to be built again.
  package func truncate() throws(DataflowFault) {
    let goOneByOne = keyColumns != nil && !edges.allSatisfy(\.target.takesClear)
    rows.forEachRecord { record in
      guard goOneByOne else { return Self.storedRow(record).deallocate() }
      retract(record)
      emitIfFull()
    }
    rows.removeAll()
    if !goOneByOne { try emitClear() }
  }

  override func flush() { emit() }

  // MARK: Rows

  private func build(
    _ values: UnsafeMutableBufferPointer<WireValue>, unchangedFrom old: Int?, weight: Int
  ) throws(DataflowFault) -> Int {
    arena.reset()
    output.beginRow(layout)
    for column in layout.slots.indices {
      output.set(layout.slots[column], try datum(values[column], column, unchangedFrom: old))
    }
    output.endRow(weight: weight)
    return output.count - 1
  }

  @inline(__always)
  private func datum(_ value: WireValue, _ column: Int, unchangedFrom old: Int?)
    throws(DataflowFault) -> Datum
  {
    switch value {
    case .null: return .null
    case .binary(let bytes):
      do throws(ValueFault) { return try layout.types[column].datum(wire: bytes, arena) } catch {
        throw .malformedValue(node: node, error)
      }
    case .unchanged:
      guard let old else { throw .malformedValue(node: node, .malformedBinary) }
      // The batch may move while the new row is built in it.
      let datum = output.row(old).datum(layout.slots[column])
      if case .bytes(let bytes) = datum { return .bytes(arena.copy(bytes)) }
      return datum
    }
  }

  private func store(_ index: Int, keyedBy columns: [Int]) throws(DataflowFault) {
    let row = output.row(index)
    let key = key.build { row.datum(layout.slots[columns[$0]]) }
    var inserted = false
    let record = rows.findOrInsert(key, hash: hasher.hash(key), inserted: &inserted)
    guard inserted else { throw .retractedUnknownRow(node: node) }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 + row.count, alignment: 8)
    copy.storeBytes(of: row.count, as: Int.self)
    UnsafeMutableRawBufferPointer(rebasing: copy[8...]).copyMemory(from: row.bytes)
    record.payload.storeBytes(of: copy.baseAddress, as: UnsafeMutableRawPointer?.self)
  }

  private func retract(keyOf values: UnsafeMutableBufferPointer<WireValue>, _ columns: [Int])
    throws(DataflowFault)
  {
    arena.reset()
    var failure: DataflowFault?
    let key = key.build { index in
      do throws(DataflowFault) {
        return try datum(values[columns[index]], columns[index], unchangedFrom: nil)
      } catch {
        failure = error
        return .null
      }
    }
    if let failure { throw failure }
    guard let record = rows.find(key, hash: hasher.hash(key)) else {
      throw .retractedUnknownRow(node: node)
    }
    retract(record)
    rows.remove(record)
  }

  /// Hands on that the row of `record` went, and frees it.
  private func retract(_ record: RowTable.Record) {
    let stored = Self.storedRow(record)
    output.append(
      RowRef(base: UnsafeRawPointer(stored + 8), count: stored.load(as: Int.self)), weight: -1)
    stored.deallocate()
  }

  static func storedRow(_ record: RowTable.Record) -> UnsafeMutableRawPointer {
    record.payload.load(as: UnsafeMutableRawPointer.self)
  }
}

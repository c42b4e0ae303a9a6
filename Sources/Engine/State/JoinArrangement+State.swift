/// The rows of an input, then each index with the lists of its keys: rows by the cells that they lie in, since the order of a list
/// is the order in which matches are handed on.
extension JoinArrangement {
  private static let listEnd = UInt32.max

  borrowing func writeState(to writer: inout StateWriter) throws {
    let extraBytes = rows.payloadBytes - extraOffset
    try rows.writeSize(to: &writer)
    try rows.forEachInPlaceOrder { record in
      try writer.append(sized: record.key.bytes)
      try writer.append(record.rowWeight)
      try writer.append(
        bytes: UnsafeRawBufferPointer(start: record.payload + extraOffset, count: extraBytes))
    }
    for index in tables.indices { try writeLists(index, to: &writer) }
  }

  private borrowing func writeLists(_ index: Int, to writer: inout StateWriter) throws {
    try tables[index].table.writeSize(to: &writer)
    try tables[index].table.forEachInPlaceOrder { entry in
      try writer.append(sized: entry.key.bytes)
      var next = entry.payload.load(as: UnsafeMutableRawPointer?.self)
      while let base = next {
        try writer.append(rows.cellNumber(of: RowTable.Record(base: base)))
        next = Self.get(base, Link.next(index))
      }
      try writer.append(Self.listEnd)
    }
  }

  // MARK: Restoring

  /// - Parameter check: whether what the owner keeps of a row can be.
  mutating func restoreState(
    from reader: inout StateReader, _ check: (RowTable.Record) -> Bool = { _ in true }
  ) throws {
    let extraBytes = rows.payloadBytes - extraOffset
    let count = try rows.restoreSize(
      from: &reader, bytesEach: 4 + layout.fixedBytes + 8 + extraBytes)
    var listed = indexes.map { _ in 0 }
    for _ in 0..<count {
      let record = try rows.restoreRecord(from: &reader, hasher, layout.holds)
      record.rowWeight = try reader.amount()
      try reader.copy(extraBytes, to: record.payload + extraOffset)
      guard check(record) else { throw reader.damage("what is kept of a row") }
      for index in indexes.indices where !isNull(record.key, index) { listed[index] += 1 }
    }
    for index in indexes.indices { try restoreLists(index, of: listed[index], from: &reader) }
  }

  private borrowing func isNull(_ row: RowRef, _ index: Int) -> Bool {
    indexes[index].slots.contains { slot in
      switch row.datum(slot) {
      case .null, .fault: true
      case .word, .bytes: false
      }
    }
  }

  /// - Parameter count: how many rows have a key.
  private mutating func restoreLists(
    _ index: Int, of count: Int, from reader: inout StateReader
  ) throws {
    let keyLayout = RowLayout(indexes[index].columns.map { layout.types[$0] })
    let table = tables[index]
    let batch = UnsafeMutableBufferPointer<RowTable.Record>.allocate(
      capacity: RowTable.batchRecords)
    defer { batch.deallocate() }
    var left = count
    let keys = try table.table.restoreSize(from: &reader, bytesEach: 12 + keyLayout.fixedBytes)
    for _ in 0..<keys {
      let entry = try table.table.restoreRecord(from: &reader, hasher, keyLayout.holds)
      left -= try restoreList(of: entry, index, from: &reader, batch)
    }
    guard left == 0 else { throw reader.damage("all rows in lists") }
  }

  /// - Returns: how many rows the list has.
  private borrowing func restoreList(
    of entry: RowTable.Record, _ index: Int, from reader: inout StateReader,
    _ batch: UnsafeMutableBufferPointer<RowTable.Record>
  ) throws -> Int {
    var last: UnsafeMutableRawPointer?
    var total = 0
    var count: Int
    repeat {
      count = 0
      while count < batch.count,
        case let number = try reader.value(UInt32.self), number != Self.listEnd
      {
        guard let record = rows.record(inCell: number) else { throw reader.damage("a cell") }
        batch.initializeElement(at: count, to: record)
        count += 1
      }
      guard rows.fit(batch, count) else { throw reader.damage("a row of the list") }
      for record in batch[..<count] {
        guard belongs(record, to: entry, index) else { throw reader.damage("a row of the list") }
        append(record, behind: last, to: entry, index)
        last = record.base
      }
      total += count
    } while count == batch.count
    guard total > 0 else { throw reader.damage("a list with rows") }
    return total
  }

  /// Whether a row has the key of an entry, and is in no list yet.
  private borrowing func belongs(
    _ record: RowTable.Record, to entry: RowTable.Record, _ index: Int
  ) -> Bool {
    let row = record.key
    guard Self.get(record.base, Link.owner(index)) == nil, !isNull(row, index) else {
      return false
    }
    let description = indexes[index]
    return description.key.build { row.datum(description.slots[$0]) } == entry.key
  }

  private borrowing func append(
    _ record: RowTable.Record, behind last: UnsafeMutableRawPointer?, to entry: RowTable.Record,
    _ index: Int
  ) {
    Self.set(record.base, Link.owner(index), entry.base)
    Self.set(record.base, Link.previous(index), last)
    if let last {
      Self.set(last, Link.next(index), record.base)
    } else {
      entry.payload.storeBytes(of: record.base, as: UnsafeMutableRawPointer?.self)
    }
  }
}

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
    let description = indexes[index]
    let keyLayout = RowLayout(description.columns.map { layout.types[$0] })
    let table = tables[index]
    var left = count
    let keys = try table.table.restoreSize(from: &reader, bytesEach: 12 + keyLayout.fixedBytes)
    for _ in 0..<keys {
      let entry = try table.table.restoreRecord(from: &reader, hasher, keyLayout.holds)
      var last: UnsafeMutableRawPointer?
      while case let number = try reader.value(UInt32.self), number != Self.listEnd {
        guard let record = rows.record(inCell: number),
          Self.get(record.base, Link.owner(index)) == nil, !isNull(record.key, index),
          description.key.build({ record.key.datum(description.slots[$0]) }) == entry.key
        else { throw reader.damage("a row of the list") }
        Self.set(record.base, Link.owner(index), entry.base)
        Self.set(record.base, Link.previous(index), last)
        if let last {
          Self.set(last, Link.next(index), record.base)
        } else {
          entry.payload.storeBytes(of: record.base, as: UnsafeMutableRawPointer?.self)
        }
        last = record.base
        left -= 1
      }
      guard last != nil else { throw reader.damage("a list with rows") }
    }
    guard left == 0 else { throw reader.damage("all rows in lists") }
  }
}

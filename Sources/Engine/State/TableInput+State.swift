/// The rows of a keyed table; their keys are derived.
extension TableInput: StateKeeper {
  var isAtRest: Bool { output.isEmpty }

  func writeState(to writer: inout StateWriter) throws {
    try rows.writeSize(to: &writer)
    try rows.forEachInPlaceOrder { record in
      let stored = Self.storedRow(record)
      try writer.append(
        sized: UnsafeRawBufferPointer(start: stored + 8, count: stored.load(as: Int.self)))
    }
  }

  func restoreState(from reader: inout StateReader) throws {
    let count = try rows.restoreSize(from: &reader, bytesEach: 4 + layout.fixedBytes)
    guard count == 0 || keyColumns != nil else { throw reader.damage("no rows") }
    for _ in 0..<count { try restoreRow(from: &reader, keyedBy: keyColumns ?? []) }
  }

  private func restoreRow(from reader: inout StateReader, keyedBy columns: [Int]) throws {
    let count = try reader.byteCount(atLeast: layout.fixedBytes)
    let block = UnsafeMutableRawPointer.allocate(byteCount: 8 + count, alignment: 8)
    do {
      block.storeBytes(of: count, as: Int.self)
      try reader.copy(count, to: block + 8)
      let row = RowRef(base: UnsafeRawPointer(block + 8), count: count)
      guard layout.holds(row) else { throw reader.damage("a row of a table") }
      let key = key.build { row.datum(layout.slots[columns[$0]]) }
      var inserted = false
      let record = rows.findOrInsert(key, hash: hasher.hash(key), inserted: &inserted)
      guard inserted else { throw reader.damage("a row with another key") }
      record.payload.storeBytes(of: block, as: UnsafeMutableRawPointer?.self)
    } catch {
      block.deallocate()
      throw error
    }
  }
}

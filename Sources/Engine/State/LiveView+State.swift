/// The rows of a view by themselves, so that they can be served before there is a plan. Their keys and their JSON are derived.
extension LiveView {
  /// Writes the rows as of the newest step.
  ///
  /// Called between two steps by the queue that applies them, or in a child that it forked there: takes no lock, since a thread that the
  /// child does not have may hold it.
  package func writeRows(to writer: inout StateWriter) throws {
    var isFirst = true
    try table.forEachNewestWithoutLocks { keys in
      if !isFirst { try writer.append(UInt32(0)) }
      isFirst = false
      try writer.append(UInt64(keys))
    } _: { version in
      try writer.append(sized: version.row.bytes)
      try writer.append(UInt32(version.copies))
    }
    try writer.append(UInt32(0))
  }

  /// Calls `body` with the newest version of each row; when and where as ``writeRows(to:)``.
  package func forEachRowWithoutLocks(_ body: (RowVersion) throws -> Void) rethrows {
    try table.forEachNewestWithoutLocks({ _ in }, body)
  }

  /// Puts the rows into the view's empty table, as those of a step that nobody sees yet.
  ///
  /// Called by the queue that applies steps. After an error the table is to be dropped, or rolled back.
  ///
  /// - Parameter sequence: of the step.
  package func restoreRows(from reader: inout StateReader, at sequence: UInt64) throws {
    guard table.rowCount == 0 else { throw StateFault.notEmpty }
    let key = makeKeyBuilder()
    let row = RowBuffer()
    var json: [UInt8] = []
    // Room for all shards together, whatever each of them says.
    var room = reader.countMax(bytesEach: 8 + rowLayout.fixedBytes)
    for shard in 0..<ViewTable.stateShardCount {
      let keys = Int(min(try reader.value(UInt64.self), UInt64(room)))
      table.reserve(keys, inShard: shard)
      room -= keys
      while case let count = try reader.byteCount(), count > 0 {
        let row = try row.read(count, from: &reader)
        guard rowLayout.holds(row) else { throw reader.damage("a row of \(name)") }
        let copies = Int(try reader.value(UInt32.self))
        json.removeAll(keepingCapacity: true)
        rowWriter.write(row, to: &json)
        guard copies > 0, put(row, json, copies, key.build { row.datum(keySlots[$0]) }, sequence)
        else { throw reader.damage("another row of \(name)") }
      }
    }
    setStatus(ViewStatus(rowCount: table.rowCount, faultyCount: table.faultyCount), at: sequence)
  }

  /// False if the key has a row already.
  private func put(
    _ row: RowRef, _ json: [UInt8], _ copies: Int, _ key: RowRef, _ sequence: UInt64
  ) -> Bool {
    var isNew = false
    json.withUnsafeBytes { json in
      table.edit(key) { slot in
        guard slot.newest == nil else { return }
        isNew = true
        slot.put(row, json: json, copies: copies, fault: fault(of: row), sequence: sequence)
      }
    }
    return isNew
  }
}

/// Memory for one row after the other.
private final class RowBuffer {
  private var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)

  deinit { bytes.deallocate() }

  /// Reads a row, which is valid until the next.
  func read(_ count: Int, from reader: inout StateReader) throws -> RowRef {
    if count > bytes.count {
      bytes.deallocate()
      bytes = .allocate(byteCount: count, alignment: 8)
    }
    guard let base = bytes.baseAddress else { throw reader.damage("a row") }
    try reader.copy(count, to: base)
    return RowRef(base: UnsafeRawPointer(base), count: count)
  }
}

/// Tables as they lie: a table restored under the same seed has every record in the cell where it was, so that whoever goes
/// through it meets the rows in the same order.
extension RowTable {
  private static let cellsMax = 1 << 32

  /// Writes how many cells and records there are.
  func writeSize(to writer: inout StateWriter) throws {
    guard mask < Self.cellsMax else { throw StateFault.tooLarge }
    try writer.append(UInt64(mask + 1))
    try writer.append(UInt64(count))
  }

  /// Calls `body` with the records in an order in which they can be put into an empty table of the same size and come to lie as
  /// they do here: a run of neighbours from its first one on, also where it goes over the end.
  func forEachInPlaceOrder(_ body: (Record) throws -> Void) rethrows {
    var first = 0
    while cells[first].record != nil { first += 1 }
    try withUnsafeTemporaryAllocation(of: Record.self, capacity: Self.batchRecords) { batch in
      var step = 0
      while step <= mask {
        var count = 0
        while step <= mask, count < batch.count {
          if let record = cells[(first + step) & mask].record {
            batch.initializeElement(at: count, to: Record(base: record))
            count += 1
          }
          step += 1
        }
        precondition(fit(batch, count), "a record of another table")
        for index in 0..<count { try body(batch[index]) }
      }
    }
  }

  /// So many records are asked for at once: each is somewhere else in memory, and to wait for one after the other takes several
  /// times as long.
  static var batchRecords: Int { 32 }

  /// Whether records are of this table, by what they say; fetches their first bytes.
  @inline(never)
  func fit(_ records: UnsafeMutableBufferPointer<Record>, _ count: Int) -> Bool {
    var others = 0
    for index in 0..<count {
      let size = records[index].base.load(fromByteOffset: 12, as: UInt32.self)
      others += Int(size) == payloadBytes ? 0 : 1
    }
    return others == 0
  }

  func cellNumber(of record: Record) -> UInt32 {
    var index = Int(truncatingIfNeeded: record.hash) & mask
    while cells[index].record != record.base { index = (index + 1) & mask }
    return UInt32(truncatingIfNeeded: index)
  }

  func record(inCell number: UInt32) -> Record? {
    guard Int(number) <= mask, let base = cells[Int(number)].record else { return nil }
    return Record(base: base)
  }

  // MARK: Restoring

  /// Makes room as it was.
  ///
  /// - Parameter bytesEach: what each record takes in the state, at least.
  /// - Returns: how many records follow.
  mutating func restoreSize(from reader: inout StateReader, bytesEach: Int) throws -> Int {
    guard count == 0 else { throw StateFault.notEmpty }
    let size = try reader.value(UInt64.self)
    let records = try reader.count(bytesEach: bytesEach)
    guard size >= UInt64(Self.cellsMin), size.nonzeroBitCount == 1, size <= UInt64(Self.cellsMax),
      records * 4 <= Int(size) * 3, size <= Self.emptyCellsMax || Int(size) <= 8 * records
    else { throw reader.damage("the size of a table") }
    resize(to: Int(size))
    return records
  }

  /// Makes room for so many records in an empty table.
  mutating func reserve(_ records: Int) {
    guard count == 0 else { return }
    var size = mask + 1
    while records * 4 > size * 3 { size *= 2 }
    if size > mask + 1 { resize(to: size) }
  }

  /// What a table may have left of cells when all its rows have gone.
  private static let emptyCellsMax: UInt64 = 1024

  /// Reads a key behind its size and puts its record, with a zeroed payload, where it belongs.
  ///
  /// - Parameter check: whether the key is one of this table.
  mutating func restoreRecord(
    from reader: inout StateReader, _ hasher: RowHasher, _ check: (RowRef) -> Bool
  ) throws -> Record {
    let record = makeRecord(keyBytes: try reader.byteCount(atLeast: 1))
    do {
      let key = record.key
      try reader.copy(key.count, to: UnsafeMutableRawPointer(mutating: key.base))
      guard check(key) else { throw reader.damage("a row") }
      record.base.storeBytes(of: hasher.hash(key), as: UInt64.self)
      guard place(record) else { throw reader.damage("another row") }
    } catch {
      record.base.deallocate()
      throw error
    }
    return record
  }

  /// Puts a record into a free cell; false if its key is there already, or there is no room.
  mutating func place(_ record: Record) -> Bool {
    guard count < mask else { return false }
    let hash = record.hash
    var index = Int(truncatingIfNeeded: hash) & mask
    while let present = cells[index].record {
      if cells[index].hash == hash, Record(base: present).key == record.key { return false }
      index = (index + 1) & mask
    }
    cells[index] = Cell(hash: hash, record: record.base)
    count += 1
    return true
  }
}

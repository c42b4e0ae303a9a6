/// A hash table from row bytes to records of a fixed payload, each one block of memory.
///
/// Open addressing with linear probing; a removal shifts what follows back, so that no tombstones gather.
/// A table may move between threads, as its one owner does; records are as safe as the lock around the table.
/// Records do not move: a ``Record`` stays valid until it is removed. The owner of the payload frees what
/// it points to before it removes a record or drops the table.
package struct RowTable: ~Copyable, @unchecked Sendable {
  /// One entry: header, payload, then the row that is its key.
  package struct Record: BitwiseCopyable, Equatable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    var hash: UInt64 { base.load(as: UInt64.self) }
    var payload: UnsafeMutableRawPointer { base + 16 }

    package var key: RowRef {
      let payloadBytes = Int(base.load(fromByteOffset: 12, as: UInt32.self))
      let keyBytes = Int(base.load(fromByteOffset: 8, as: UInt32.self))
      return RowRef(base: UnsafeRawPointer(base + 16 + payloadBytes), count: keyBytes)
    }
  }

  struct Cell: BitwiseCopyable {
    var hash: UInt64
    var record: UnsafeMutableRawPointer?
  }

  let payloadBytes: Int
  package internal(set) var count = 0
  private(set) var cells: UnsafeMutablePointer<Cell>
  private(set) var mask: Int

  /// - Parameter payloadBytes: bytes of each record's payload, rounded up to 8; zeroed on insertion.
  package init(payloadBytes: Int) {
    self.payloadBytes = (payloadBytes + 7) & ~7
    mask = Self.cellsMin - 1
    cells = Self.allocate(Self.cellsMin)
  }

  static let cellsMin = 8

  deinit {
    for index in 0...mask { cells[index].record?.deallocate() }
    cells.deallocate()
  }

  package func find(_ key: RowRef, hash: UInt64) -> Record? {
    var index = Int(truncatingIfNeeded: hash) & mask
    while let record = cells[index].record {
      if cells[index].hash == hash, Record(base: record).key == key { return Record(base: record) }
      index = (index + 1) & mask
    }
    return nil
  }

  /// The record of `key`, made with a zeroed payload where there was none.
  package mutating func findOrInsert(_ key: RowRef, hash: UInt64, inserted: inout Bool) -> Record {
    var index = Int(truncatingIfNeeded: hash) & mask
    while let record = cells[index].record {
      if cells[index].hash == hash, Record(base: record).key == key {
        inserted = false
        return Record(base: record)
      }
      index = (index + 1) & mask
    }
    inserted = true
    let record = makeRecord(key, hash)
    cells[index] = Cell(hash: hash, record: record.base)
    count += 1
    if count * 4 > (mask + 1) * 3 { resize(to: (mask + 1) * 2) }
    return record
  }

  package mutating func remove(_ record: Record) {
    var index = Int(truncatingIfNeeded: record.hash) & mask
    while cells[index].record != record.base { index = (index + 1) & mask }
    closeGap(at: index)
    record.base.deallocate()
    count -= 1
    if mask + 1 > Self.cellsMin, count * 8 < mask + 1 { resize(to: (mask + 1) / 2) }
  }

  package func forEachRecord(_ body: (Record) throws -> Void) rethrows {
    for index in 0...mask {
      if let record = cells[index].record { try body(Record(base: record)) }
    }
  }

  /// Removes every record; the caller has freed what payloads point to.
  package mutating func removeAll() {
    for index in 0...mask {
      cells[index].record?.deallocate()
      cells[index].record = nil
    }
    count = 0
    if mask + 1 > 1024 { resize(to: Self.cellsMin) }
  }

  private func makeRecord(_ key: RowRef, _ hash: UInt64) -> Record {
    let record = makeRecord(keyBytes: key.count)
    record.base.storeBytes(of: hash, as: UInt64.self)
    (record.base + 16 + payloadBytes).copyMemory(from: key.base, byteCount: key.count)
    return record
  }

  /// A record without hash and key, for a row of so many bytes.
  @inline(__always)
  func makeRecord(keyBytes: Int) -> Record {
    let base = UnsafeMutableRawPointer.allocate(
      byteCount: 16 + payloadBytes + keyBytes, alignment: 8)
    base.storeBytes(of: UInt32(keyBytes), toByteOffset: 8, as: UInt32.self)
    base.storeBytes(of: UInt32(payloadBytes), toByteOffset: 12, as: UInt32.self)
    (base + 16).initializeMemory(as: UInt8.self, repeating: 0, count: payloadBytes)
    return Record(base: base)
  }

  /// Moves back every later entry of the probe run that may stand at the gap.
  private mutating func closeGap(at start: Int) {
    var gap = start
    var index = (gap + 1) & mask
    while cells[index].record != nil {
      let home = Int(truncatingIfNeeded: cells[index].hash) & mask
      if (index - home) & mask >= (index - gap) & mask {
        cells[gap] = cells[index]
        gap = index
      }
      index = (index + 1) & mask
    }
    cells[gap] = Cell(hash: 0, record: nil)
  }

  mutating func resize(to size: Int) {
    let old = cells
    let oldSize = mask + 1
    cells = Self.allocate(size)
    mask = size - 1
    for position in 0..<oldSize where old[position].record != nil {
      var index = Int(truncatingIfNeeded: old[position].hash) & mask
      while cells[index].record != nil { index = (index + 1) & mask }
      cells[index] = old[position]
    }
    old.deallocate()
  }

  private static func allocate(_ size: Int) -> UnsafeMutablePointer<Cell> {
    let cells = UnsafeMutablePointer<Cell>.allocate(capacity: size)
    cells.initialize(repeating: Cell(hash: 0, record: nil), count: size)
    return cells
  }
}

/// Rows with weights in one buffer that keeps its capacity: a Z-set as it travels between operators.
///
/// A weight of +n adds a row n times, -n takes it away n times. Rows are built in place at the tail:
/// ``beginRow(_:)``, a ``set(_:_:)`` per column, ``endRow(weight:)``.
package final class RowBatch {
  package struct Entry: BitwiseCopyable {
    var offset: Int
    var count: Int
    package var weight: Int
  }

  // The run-time check for overlapping accesses would cost a fifth of a step here and in the operators. Nothing that is
  // called while one of these is accessed can reach it again.
  @exclusivity(unchecked) package private(set) var entries: [Entry] = []
  @exclusivity(unchecked) private var storage: UnsafeMutableRawPointer
  @exclusivity(unchecked) private var capacity: Int
  @exclusivity(unchecked) private var used = 0
  @exclusivity(unchecked) private var rowStart = 0

  package init(capacityBytes: Int = 512) {
    capacity = capacityBytes
    storage = .allocate(byteCount: capacityBytes, alignment: 8)
  }

  deinit { storage.deallocate() }

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }
  package var usedBytes: Int { used }

  package func row(_ index: Int) -> RowRef { row(entries[index]) }

  @inline(__always)
  func row(_ entry: Entry) -> RowRef {
    RowRef(base: UnsafeRawPointer(storage + entry.offset), count: entry.count)
  }

  /// Forgets the rows and keeps the memory, unless one large step left far more than is usual.
  package func removeAll() {
    entries.removeAll(keepingCapacity: entries.count <= Self.keptRowsMax)
    used = 0
    if capacity > Self.keptBytesMax {
      storage.deallocate()
      capacity = 512
      storage = .allocate(byteCount: capacity, alignment: 8)
    }
  }

  private static let keptRowsMax = 16_384
  private static let keptBytesMax = 1 << 21

  package func append(_ row: RowRef, weight: Int) {
    reserve(row.count)
    (storage + used).copyMemory(from: row.base, byteCount: row.count)
    entries.append(Entry(offset: used, count: row.count, weight: weight))
    used += row.count
  }

  package func append(contentsOf other: RowBatch) {
    for entry in other.entries { append(other.row(entry), weight: entry.weight) }
  }

  // MARK: Building a row

  @inline(__always)
  package func beginRow(_ layout: RowLayout) {
    reserve(layout.fixedBytes)
    rowStart = used
    (storage + used).initializeMemory(as: UInt8.self, repeating: 0, count: layout.fixedBytes)
    used += layout.fixedBytes
  }

  @inline(__always)
  package func set(_ slot: ColumnSlot, _ datum: Datum) {
    switch datum {
    case .word(let word): storeSlot(slot, word)
    case .bytes(let bytes): storeSlot(slot, appendVariable(bytes))
    case .null: markNull(slot)
    case .fault(let fault):
      markNull(slot)
      storeSlot(slot, Int64(fault.rawValue))
    }
  }

  /// Marks the row itself as faulty.
  package func setFault(_ fault: ValueFault) {
    storage.storeBytes(of: fault.rawValue, toByteOffset: rowStart, as: UInt8.self)
  }

  @inline(__always)
  package func endRow(weight: Int) {
    entries.append(Entry(offset: rowStart, count: used - rowStart, weight: weight))
  }

  /// The row under construction or just ended.
  package var currentRow: RowRef {
    RowRef(base: UnsafeRawPointer(storage + rowStart), count: used - rowStart)
  }

  /// Takes back the last row ended.
  package func dropLast() {
    guard let last = entries.popLast() else { return }
    used = last.offset
  }

  @inline(__always)
  private func storeSlot(_ slot: ColumnSlot, _ word: Int64) {
    storage.storeBytes(of: word, toByteOffset: rowStart + Int(slot.offset), as: Int64.self)
  }

  @inline(__always)
  private func markNull(_ slot: ColumnSlot) {
    let at = rowStart + Int(slot.nullByte)
    let bits = storage.load(fromByteOffset: at, as: UInt8.self) | slot.nullMask
    storage.storeBytes(of: bits, toByteOffset: at, as: UInt8.self)
  }

  @inline(__always)
  private func appendVariable(_ bytes: UnsafeRawBufferPointer) -> Int64 {
    let offset = used - rowStart
    reserve(bytes.count)
    if let source = bytes.baseAddress {
      (storage + used).copyMemory(from: source, byteCount: bytes.count)
    }
    used += bytes.count
    return Int64(offset) | Int64(bytes.count) << 32
  }

  @inline(__always)
  private func reserve(_ bytes: Int) {
    if used + bytes > capacity { grow(toFit: used + bytes) }
  }

  @inline(never)
  private func grow(toFit bytes: Int) {
    let larger = Swift.max(bytes, capacity * 2)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
    moved.copyMemory(from: storage, byteCount: used)
    storage.deallocate()
    storage = moved
    capacity = larger
  }
}

/// How the rows of each group spell its keys, counted, so that what a group shows is there.
///
/// 1.0 and 1.00 are one group. Hardly any group has two spellings at once: the one shown lies with the group's record,
/// others aside. Of several the one with the least bytes is shown, whichever came first.
struct GroupSpellings {
  /// A spelling's block: size of the row, weight of the rows spelled like it, the row.
  enum Block {
    static let weight = 8
    static let row = 16
  }

  let layout: RowLayout
  /// The place of the block's address in a record's payload.
  private let offset: Int
  private let scratch = RowBatch(capacityBytes: 128)
  var others: [UnsafeMutableRawPointer: [[UInt8]: Int]] = [:]

  init(_ types: [ColumnType], offset: Int) {
    layout = RowLayout(types)
    self.offset = offset
  }

  /// The keys as the group's rows show them; nil before any was counted.
  func shown(_ record: RowTable.Record) -> RowRef? {
    block(record).map(Self.row)
  }

  /// Counts rows whose keys are `datums`.
  mutating func add(_ record: RowTable.Record, weight: Int, _ datum: (Int) -> Datum) {
    scratch.removeAll()
    scratch.beginRow(layout)
    for index in layout.slots.indices { scratch.set(layout.slots[index], datum(index)) }
    let row = scratch.currentRow
    guard let block = block(record) else { return show(row.bytes, weight: weight, record) }
    if Self.row(block) == row {
      let total = block.load(fromByteOffset: Block.weight, as: Int.self) + weight
      block.storeBytes(of: total, toByteOffset: Block.weight, as: Int.self)
    } else {
      count(Array(row.bytes), weight, record)
    }
  }

  /// Decides what the group shows, once the step is in.
  mutating func settle(_ record: RowTable.Record) {
    guard !others.isEmpty, let aside = others[record.base], let block = block(record) else {
      return
    }
    let least = aside.filter { $0.value > 0 }.keys.min { $0.lexicographicallyPrecedes($1) }
    guard let least, let weight = aside[least] else { return }
    let current = Array(Self.row(block).bytes)
    let currentWeight = block.load(fromByteOffset: Block.weight, as: Int.self)
    guard currentWeight <= 0 || least.lexicographicallyPrecedes(current) else { return }
    count(least, -weight, record)
    count(current, currentWeight, record)
    block.deallocate()
    least.withUnsafeBytes { show($0, weight: weight, record) }
  }

  /// Forgets the counts; what was shown stays until other rows come.
  mutating func clear(_ record: RowTable.Record) {
    block(record)?.storeBytes(of: 0, toByteOffset: Block.weight, as: Int.self)
    others[record.base] = nil
  }

  /// Gives back what is kept for the record.
  mutating func release(_ record: RowTable.Record) {
    block(record)?.deallocate()
    if !others.isEmpty { others[record.base] = nil }
  }

  private mutating func count(_ spelling: [UInt8], _ weight: Int, _ record: RowTable.Record) {
    var aside = others[record.base] ?? [:]
    let total = aside[spelling, default: 0] + weight
    aside[spelling] = total == 0 ? nil : total
    others[record.base] = aside.isEmpty ? nil : aside
  }

  func show(_ row: UnsafeRawBufferPointer, weight: Int, _ record: RowTable.Record) {
    let block = UnsafeMutableRawPointer.allocate(byteCount: Block.row + row.count, alignment: 8)
    block.storeBytes(of: row.count, as: Int.self)
    block.storeBytes(of: weight, toByteOffset: Block.weight, as: Int.self)
    if let source = row.baseAddress {
      (block + Block.row).copyMemory(from: source, byteCount: row.count)
    }
    record.payload.storeBytes(of: block, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }

  func block(_ record: RowTable.Record) -> UnsafeMutableRawPointer? {
    record.payload.load(fromByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }

  static func row(_ block: UnsafeMutableRawPointer) -> RowRef {
    RowRef(base: UnsafeRawPointer(block + Block.row), count: block.load(as: Int.self))
  }
}

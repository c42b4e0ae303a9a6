import TestSupport

@testable import Engine

/// One thing that happens to a table, as the log tells it.
enum TableChange {
  case insert(source: Int, [Cell])
  case update(source: Int, old: [Cell], new: [Cell], unchanged: Set<Int>)
  case delete(source: Int, [Cell])
  case truncate(source: Int)

  /// Feeds the change to a dataflow in wire format, with as much of the old row as the table's identity sends.
  func feed(_ dataflow: Dataflow) throws {
    var buffers: [UnsafeMutableRawBufferPointer] = []
    defer { for buffer in buffers { buffer.deallocate() } }
    func fill(
      _ target: UnsafeMutableBufferPointer<TableInput.WireValue>, _ row: [Cell],
      of source: Plan.Source, only columns: [Int]? = nil, unchanged: Set<Int> = []
    ) {
      for (index, cell) in row.enumerated() {
        target[index] = .null
        if unchanged.contains(index) { target[index] = .unchanged }
        guard columns?.contains(index) ?? true, !unchanged.contains(index),
          let wire = cell.wire(source.columns[index].type)
        else { continue }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: wire.count, alignment: 1)
        buffer.copyBytes(from: wire)
        buffers.append(buffer)
        target[index] = .binary(UnsafeRawBufferPointer(buffer))
      }
    }
    switch self {
    case .insert(let source, let row):
      let input = dataflow.inputs[source]
      fill(input.new, row, of: input.source)
      try input.insert()
    case .update(let source, let old, let new, let unchanged):
      let input = dataflow.inputs[source]
      let key = input.source.identity.columns
      let hasOld = key.map { columns in columns.contains { old[$0] != new[$0] } } ?? true
      if hasOld { fill(input.old, old, of: input.source, only: key) }
      fill(input.new, new, of: input.source, unchanged: unchanged)
      try input.update(hasOld: hasOld)
    case .delete(let source, let row):
      let input = dataflow.inputs[source]
      fill(input.old, row, of: input.source, only: input.source.identity.columns)
      try input.delete()
    case .truncate(let source): try dataflow.inputs[source].truncate()
    }
  }
}

extension Plan.Source.Identity {
  fileprivate var columns: [Int]? {
    if case .key(let columns) = self { columns } else { nil }
  }
}

/// Tables under random changes; rows are told apart by their first column.
struct RandomTables {
  let plan: Plan
  /// A row of a source with the given first column.
  let row: (_ source: Int, _ id: Int64, _ random: inout SeededRandom) -> [Cell]
  let allowsTruncate: Bool
  private(set) var tables: [[[Cell]]]
  private var lastID: Int64 = 0

  /// Small enough for the slow evaluator's nested loops, large enough for groups to form.
  private static let rowsMax = 16

  init(
    _ plan: Plan, allowsTruncate: Bool,
    row: @escaping (_ source: Int, _ id: Int64, _ random: inout SeededRandom) -> [Cell]
  ) {
    self.plan = plan
    self.row = row
    self.allowsTruncate = allowsTruncate
    tables = plan.sources.map { _ in [] }
  }

  mutating func change(_ random: inout SeededRandom) -> TableChange {
    let source = random.number(0...tables.count - 1)
    let count = tables[source].count
    if allowsTruncate, random.oneIn(60) {
      tables[source] = []
      return .truncate(source: source)
    }
    if count == 0 || (count < Self.rowsMax && random.oneIn(2)) {
      let row = newRow(source, &random)
      tables[source].append(row)
      return .insert(source: source, row)
    }
    let index = random.number(0...count - 1)
    let old = tables[source][index]
    if random.oneIn(3) {
      tables[source].remove(at: index)
      return .delete(source: source, old)
    }
    var new = newRow(source, &random)
    if !random.oneIn(5) { new[0] = old[0] }
    tables[source][index] = new
    let unchanged = new.indices.filter { column in
      guard column > 0, new[column] == old[column], case .text = new[column] else { return false }
      return true
    }
    return .update(source: source, old: old, new: new, unchanged: Set(unchanged))
  }

  private mutating func newRow(_ source: Int, _ random: inout SeededRandom) -> [Cell] {
    lastID += 1
    return row(source, lastID, &random)
  }
}

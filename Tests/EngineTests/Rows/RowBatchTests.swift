import TestSupport
import Testing

@testable import Engine

@Suite struct RowBatchTests {
  private func cell(_ type: ColumnType, _ random: inout SeededRandom) -> Cell {
    switch random.number(0...4) {
    case 0: return .null
    case 1: return .fault
    default: break
    }
    if type.representation == .word { return .word(Int64(bitPattern: random.next())) }
    let length = random.pick([0, 1, 7, 8, 300])
    return .text(String((0..<length).map { _ in random.pick(Array("abc xyz")) }))
  }

  private func set(_ cell: Cell, _ slot: ColumnSlot, of batch: RowBatch) {
    switch cell {
    case .null: batch.set(slot, .null)
    case .word(let word): batch.set(slot, .word(word))
    case .fault: batch.set(slot, .fault(.divisionByZero))
    case .text(let text): Array(text.utf8).withUnsafeBytes { batch.set(slot, .bytes($0)) }
    case .decimal: preconditionFailure("not used here")
    }
  }

  /// Nulls, faults, words and bytes of any length, 0 to 20 columns, over several growths of the buffer.
  @Test func rowsComeBackAsTheyWereSet() {
    var random = SeededRandom()
    for round in 0..<40 {
      let types = (0..<random.number(0...20)).map { _ in
        random.pick([ColumnType.int8, .float8, .text, .bpchar, .bool])
      }
      let layout = RowLayout(types)
      let batch = RowBatch(capacityBytes: 16)
      let rows = (0..<30).map { _ in types.map { cell($0, &random) } }
      for (index, row) in rows.enumerated() {
        batch.beginRow(layout)
        for (column, cell) in row.enumerated() { set(cell, layout.slots[column], of: batch) }
        if index % 3 == 0 { batch.setFault(.floatOverflow) }
        batch.endRow(weight: index - 15)
      }
      for (index, row) in rows.enumerated() {
        let read = types.indices.map { Cell(batch.row(index).datum(layout.slots[$0]), types[$0]) }
        #expect(read == row, "round \(round), row \(index)")
        #expect(batch.entries[index].weight == index - 15)
        #expect(batch.row(index).fault == (index % 3 == 0 ? .floatOverflow : nil))
      }
    }
  }

  @Test func equalRowsHaveEqualBytesWhateverBuiltThem() {
    let layout = RowLayout([.text, .int8, .text])
    let cells: [Cell] = [.text("abc"), .null, .text("")]
    let small = RowBatch(capacityBytes: 8)
    let large = RowBatch(capacityBytes: 4096)
    for batch in [small, large] {
      // What the memory held before must not show.
      for filler in [Cell.word(-1), .word(7)] {
        batch.beginRow(layout)
        batch.set(layout.slots[1], .word(filler == .word(7) ? 7 : -1))
        batch.endRow(weight: 1)
      }
      if batch === large { batch.removeAll() }
      batch.beginRow(layout)
      for (column, cell) in cells.enumerated() { set(cell, layout.slots[column], of: batch) }
      batch.endRow(weight: 1)
    }
    #expect(small.row(2) == large.row(0))
  }

  @Test func aDroppedRowLeavesNoTrace() {
    let layout = RowLayout([.text])
    let batch = RowBatch()
    for (text, weight) in [("one", 1), ("two", 2), ("three", 3)] {
      batch.beginRow(layout)
      set(.text(text), layout.slots[0], of: batch)
      batch.endRow(weight: weight)
      if text == "two" { batch.dropLast() }
    }
    #expect(batch.entries.map(\.weight) == [1, 3])
    #expect(Cell(batch.row(1).datum(layout.slots[0]), .text) == .text("three"))
  }

  @Test func appendingABatchKeepsRowsAndWeights() {
    let layout = RowLayout([.int8])
    let (source, target) = (RowBatch(), RowBatch())
    for weight in [-2, 1, 5] {
      source.beginRow(layout)
      source.set(layout.slots[0], .word(Int64(weight * 10)))
      source.endRow(weight: weight)
    }
    target.append(contentsOf: source)
    target.append(contentsOf: source)
    #expect(target.entries.map(\.weight) == [-2, 1, 5, -2, 1, 5])
    #expect((0..<6).allSatisfy { target.row($0) == source.row($0 % 3) })
  }
}

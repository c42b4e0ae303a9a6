import TestSupport
import Testing

@testable import Engine

@Suite struct RowOrderTests {
  private let types: [ColumnType] = [.numeric, .int4]

  private func view(hasKey: Bool) -> LiveView {
    LiveView(
      definition: Plan.View(
        name: QualifiedName(schema: "public", name: "v"), node: 0,
        columns: types.map { Plan.View.Column(name: "c", type: $0, typeName: "") },
        key: hasKey ? [0, 1] : [], identity: [0, 1], definition: ""),
      table: ViewTable(hasher: RowHasher(seed: 1)))
  }

  private func randomRow(_ random: inout SeededRandom, into batch: RowBatch) throws {
    let layout = RowLayout(types)
    batch.beginRow(layout)
    switch random.number(0...5) {
    case 0: batch.set(layout.slots[0], .null)
    case 1: batch.set(layout.slots[0], .fault(.divisionByZero))
    default:
      let number = try #require(Numeric(random.pick(["1", "1.0", "1.00", "-1.0", "2"])))
      number.withDatum { batch.set(layout.slots[0], $0) }
    }
    let faulty = random.oneIn(6)
    batch.set(
      layout.slots[1],
      faulty
        ? .fault(.divisionByZero) : random.oneIn(5) ? .null : .word(Int64(random.number(0...2))))
    batch.endRow(weight: 1)
  }

  /// Transitive both ways, or a heap and a cursor lose rows.
  @Test(
    arguments: [true, false],
    [[], [RowOrder.Term(column: 0, isDescending: true, hasNullsFirst: true)]])
  func itIsAStrictWeakOrder(_ hasKey: Bool, _ terms: [RowOrder.Term]) throws {
    var random = SeededRandom()
    let order = RowOrder(view(hasKey: hasKey), by: terms)
    let rows = RowBatch()
    for _ in 0..<60 { try randomRow(&random, into: rows) }
    func precedes(_ a: Int, _ b: Int) -> Bool { order.precedes(rows.row(a), rows.row(b)) }
    func isTied(_ a: Int, _ b: Int) -> Bool { !precedes(a, b) && !precedes(b, a) }
    for a in 0..<rows.count {
      for b in 0..<rows.count {
        #expect(!(precedes(a, b) && precedes(b, a)))
        // A place has the bytes of the row here: all its columns in their order.
        #expect((order.compare(rows.row(b), toPlace: rows.row(a)) > 0) == precedes(a, b))
        if !hasKey { #expect(isTied(a, b) == (rows.row(a) == rows.row(b))) }
        for c in 0..<rows.count {
          if precedes(a, b), precedes(b, c) { #expect(precedes(a, c)) }
          if isTied(a, b), isTied(b, c) { #expect(isTied(a, c)) }
        }
      }
    }
  }

  @Test func nullsComeBehindValuesAndFaultsBehindNulls() {
    let layout = RowLayout([.int4])
    let view = LiveView(
      definition: Plan.View(
        name: QualifiedName(schema: "public", name: "v"), node: 0,
        columns: [Plan.View.Column(name: "c", type: .int4, typeName: "")], key: [0], identity: [0],
        definition: ""), table: ViewTable(hasher: RowHasher(seed: 1)))
    let rows = RowBatch()
    for datum in [Datum.fault(.divisionByZero), .word(2), .null, .word(1)] {
      rows.beginRow(layout)
      rows.set(layout.slots[0], datum)
      rows.endRow(weight: 1)
    }
    let order = RowOrder(view)
    let sorted = (0..<4).sorted { order.precedes(rows.row($0), rows.row($1)) }
    #expect(sorted == [3, 1, 2, 0])
  }
}

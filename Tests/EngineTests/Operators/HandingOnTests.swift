import Testing

@testable import Engine

/// What a step changes is handed on in parts, however much it is.
@Suite struct HandingOnTests {
  private final class Recorder: Operator {
    var counts: [Int] = []

    override func absorb(_ batch: RowBatch, port: Int) { counts.append(batch.count) }
  }

  private let layout = RowLayout([.int8])

  private func rows(_ values: Range<Int64>) -> RowBatch {
    let batch = RowBatch()
    for value in values {
      batch.beginRow(layout)
      batch.set(layout.slots[0], .word(value))
      batch.endRow(weight: 1)
    }
    return batch
  }

  @Test func aJoinOfManyRowsIsNotHeldWhole() {
    let join = JoinOperator(
      inputs: [layout, layout], equalities: [], residual: nil,
      outputs: [column(0, .int8), column(0, .int8, of: 1)], hasher: RowHasher(seed: 1))
    let recorder = Recorder(layout: join.layout)
    join.connect(to: recorder, port: 0)
    join.absorb(rows(0..<100), port: 0)
    join.absorb(rows(0..<100), port: 1)
    join.flush()
    #expect(recorder.counts.reduce(0, +) == 10_000)
    #expect(recorder.counts.allSatisfy { $0 <= Operator.batchRows })
  }

  @Test func manyGroupsAreNotHeldWhole() throws {
    let aggregate = AggregateOperator(
      filter: nil, keys: [column(0, .int8)], aggregates: [], input: layout, node: 0,
      hasher: RowHasher(seed: 1))
    let recorder = Recorder(layout: aggregate.layout)
    aggregate.connect(to: recorder, port: 0)
    aggregate.absorb(rows(0..<10_000), port: 0)
    try aggregate.flush()
    #expect(recorder.counts.reduce(0, +) == 10_000)
    #expect(recorder.counts.allSatisfy { $0 <= Operator.batchRows })
  }
}

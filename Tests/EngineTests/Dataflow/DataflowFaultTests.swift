import Testing

@testable import Engine

/// Streams that do not belong to the state: the dataflow says so and is built again.
@Suite struct DataflowFaultTests {
  private let row: [Cell] = [.word(1), .word(2), .text("a"), .word(3), .null]

  private func dataflow(_ sample: SamplePlan) -> Dataflow {
    Dataflow(plan: sample.plan, store: ViewStore(readers: 1, hashSeed: 1))
  }

  private func finish(_ dataflow: Dataflow) throws {
    try dataflow.finishStep(
      at: Position(epoch: try #require(Epoch("e")), lsn: LSN(1)), committedAt: nil, xid: nil)
  }

  @Test func aKeyThatIsNotKnownCanNotGo() throws {
    let dataflow = dataflow(.projection(.key([0])))
    #expect(throws: DataflowFault.retractedUnknownRow(node: 0)) {
      try TableChange.delete(source: 0, row).feed(dataflow)
    }
    #expect(throws: DataflowFault.retractedUnknownRow(node: 0)) {
      try TableChange.update(source: 0, old: row, new: row, unchanged: []).feed(dataflow)
    }
  }

  @Test func aKeyCanNotComeTwice() throws {
    let dataflow = dataflow(.projection(.key([0])))
    try TableChange.insert(source: 0, row).feed(dataflow)
    #expect(throws: DataflowFault.retractedUnknownRow(node: 0)) {
      try TableChange.insert(source: 0, row).feed(dataflow)
    }
  }

  @Test(arguments: SamplePlan.all(.full).map(\.name).filter { $0 != "self join" })
  func aWholeRowThatNeverCameIsNoticedByTheEndOfTheStep(_ name: String) throws {
    let sample = try #require(SamplePlan.all(.full).first { $0.name == name })
    let dataflow = dataflow(sample)
    let item: [Cell] = [.word(9), .word(2), .text("z"), .word(9)]
    try TableChange.insert(source: 1, item).feed(dataflow)
    try TableChange.insert(source: 2, [.word(9), .text("a"), .text("b")]).feed(dataflow)
    try finish(dataflow)
    #expect(throws: DataflowFault.self) {
      try TableChange.delete(source: 0, row).feed(dataflow)
      try finish(dataflow)
    }
  }

  @Test func anEmptiedTableBehindAUnionIsRefusedWhereItsRowsAreNotKept() throws {
    let dataflow = dataflow(.union(.full))
    #expect(throws: DataflowFault.self) { try TableChange.truncate(source: 0).feed(dataflow) }
  }

  /// The oracle tests compare the rows; this one goes over several batches.
  @Test func anEmptiedTableBehindAUnionTakesItsKeptRowsAlong() throws {
    let sample = SamplePlan.union(.key([0]))
    let store = ViewStore(readers: 1, hashSeed: 1)
    let dataflow = Dataflow(plan: sample.plan, store: store)
    for id in 0..<2_000 {
      let item: [Cell] = [.word(Int64(id)), .word(2), .text("a"), .word(3)]
      try TableChange.insert(source: 0, item + [.null]).feed(dataflow)
      try TableChange.insert(source: 1, item).feed(dataflow)
    }
    try TableChange.truncate(source: 0).feed(dataflow)
    try finish(dataflow)
    let view = store.gate.visible.views.views[0]
    #expect(view.lines(at: store.gate.visible.sequence) == Array(repeating: "2, 'a'", count: 2_000))
  }

  @Test func valuesOfTheWrongLengthAreRefused() throws {
    let dataflow = dataflow(.projection(.full))
    for column in dataflow.inputs[0].source.columns.indices where column != 2 {
      let input = dataflow.inputs[0]
      for index in input.new.indices { input.new[index] = .null }
      [UInt8]([1, 2, 3]).withUnsafeBytes { bytes in
        input.new[column] = .binary(bytes)
        #expect(throws: DataflowFault.malformedValue(node: 0, .malformedBinary), "\(column)") {
          try input.insert()
        }
      }
    }
  }

  @Test func anUnchangedValueNeedsAnOldRow() throws {
    let input = dataflow(.projection(.full)).inputs[0]
    input.new[2] = .unchanged
    #expect(throws: DataflowFault.malformedValue(node: 0, .malformedBinary)) { try input.insert() }
  }
}

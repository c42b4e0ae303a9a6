import Testing

@testable import Engine

/// What readers and listeners learn of a step, and when.
@Suite struct UnpublishedStepTests {
  private let sample: SamplePlan
  private let store = ViewStore(readers: 2, hashSeed: 1)
  private let mirror = FeedMirror()

  private let item: [Cell] = [.word(7), .word(1), .text("x"), .word(2)]

  /// Two views, of facts and of items, so that a step can fail behind the first.
  init() {
    var sample = SamplePlan("two views", identity: .full)
    let quotient = Expression.call(
      .divideInt(.int4), [integer(6), column(3, .int4)], .int4)
    let facts = sample.plan.add(
      .map(input: sample.facts, filter: nil, outputs: [column(0, .int8), quotient]))
    sample.addView("facts", facts, key: [0])
    let items = sample.plan.add(
      .map(input: sample.items, filter: nil, outputs: [column(0, .int8)]))
    sample.addView("items", items, key: [0])
    self.sample = sample
    store.feed.add(mirror)
  }

  private func fact(_ id: Int64, quantity: Int64) -> [Cell] {
    [.word(id), .word(1), .text("a"), .word(quantity), .null]
  }

  private func finish(_ dataflow: Dataflow, _ step: Int) throws {
    try dataflow.finishStep(
      at: Position(epoch: try #require(Epoch("e")), lsn: LSN(UInt64(step))), committedAt: nil,
      xid: nil)
  }

  private func lines(at visible: ReadGate.Visible) -> [String] {
    visible.views.views[0].lines(at: visible.sequence)
  }

  @Test func aStepThatFailsHalfWayLeavesNoTrace() throws {
    let dataflow = Dataflow(plan: sample.plan, store: store)
    for id in 1...3 {
      try TableChange.insert(source: 0, fact(Int64(id), quantity: 1)).feed(dataflow)
    }
    try finish(dataflow, 1)
    let before = store.gate.visible
    let status = before.views.views[0].status(at: before.sequence)
    let shown = lines(at: before)

    try TableChange.insert(source: 0, fact(4, quantity: 0)).feed(dataflow)
    try TableChange.delete(source: 0, fact(1, quantity: 1)).feed(dataflow)
    try TableChange.update(
      source: 0, old: fact(2, quantity: 1), new: fact(2, quantity: 3), unchanged: []
    ).feed(dataflow)
    try TableChange.delete(source: 1, item).feed(dataflow)
    #expect(throws: DataflowFault.self) { try finish(dataflow, 2) }

    let after = store.gate.visible
    #expect(after.sequence == before.sequence)
    #expect(after.views.views[0].status(at: after.sequence) == status)
    #expect(lines(at: after) == shown)
    let epoch = try #require(Epoch("e"))
    store.advance(to: Position(epoch: epoch, lsn: LSN(3)))
    #expect(lines(at: store.gate.visible) == shown)
  }

  @Test func whatAFailedStepChangedIsToldByTheNextSnapshot() throws {
    let dataflow = Dataflow(plan: sample.plan, store: store)
    try TableChange.insert(source: 0, fact(1, quantity: 1)).feed(dataflow)
    try finish(dataflow, 1)
    try TableChange.update(
      source: 0, old: fact(1, quantity: 1), new: fact(1, quantity: 2), unchanged: []
    ).feed(dataflow)
    try TableChange.insert(source: 0, fact(2, quantity: 0)).feed(dataflow)
    try TableChange.delete(source: 1, item).feed(dataflow)
    #expect(throws: DataflowFault.self) { try finish(dataflow, 2) }

    let rebuilt = Dataflow(plan: sample.plan, store: store)
    try TableChange.insert(source: 0, fact(1, quantity: 2)).feed(rebuilt)
    try TableChange.insert(source: 0, fact(2, quantity: 0)).feed(rebuilt)
    try finish(rebuilt, 3)
    let visible = store.gate.visible
    let view = visible.views.views[0]
    #expect(lines(at: visible) == ["1, 3", "2, fault !"])
    #expect(mirror.lines(of: view) == lines(at: visible))
    #expect(view.status(at: visible.sequence) == ViewStatus(rowCount: 2, faultyCount: 1))
  }

  @Test func aReaderInsideKeepsTheCountsOfItsPosition() throws {
    let dataflow = Dataflow(plan: sample.plan, store: store)
    try TableChange.insert(source: 0, fact(1, quantity: 1)).feed(dataflow)
    try finish(dataflow, 1)
    let inside = store.gate.enter(0)
    for id in 2...9 {
      try TableChange.insert(source: 0, fact(Int64(id), quantity: 0)).feed(dataflow)
      try finish(dataflow, id)
    }
    let view = inside.views.views[0]
    #expect(view.status(at: inside.sequence) == ViewStatus(rowCount: 1))
    let now = store.gate.enter(1)
    #expect(view.status(at: now.sequence) == ViewStatus(rowCount: 9, faultyCount: 8))
    store.gate.leave(0)
    store.gate.leave(1)
  }

  /// Ordering a page's rows takes a while: the writer must not wait for it.
  @Test func rowsAreLookedAtOutsideTheTablesLocks() throws {
    let dataflow = Dataflow(plan: sample.plan, store: store)
    for id in 1...100 {
      try TableChange.insert(source: 0, fact(Int64(id), quantity: 1)).feed(dataflow)
    }
    try finish(dataflow, 1)
    let visible = store.gate.enter(0)
    let view = visible.views.views[0]
    let key = view.makeKeyBuilder()
    var found = 0
    view.table.forEachRow(at: visible.sequence) { version in
      // A second lock of the same shard would trap.
      let again = view.table.find(
        key.build { version.row.datum(view.keySlots[$0]) }, at: visible.sequence)
      if let again, again.row == version.row { found += 1 }
    }
    #expect(found == 100)
    store.gate.leave(0)
  }
}

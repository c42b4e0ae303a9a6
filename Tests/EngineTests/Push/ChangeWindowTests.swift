import TestSupport
import Testing

@testable import Engine

/// What the window keeps in memory beside the changes.
struct ChangeWindowTests {
  @Test func theRowsOfAViewThatIsGoneAreFreed() throws {
    var random = SeededRandom()
    let store = ViewStore(readers: 1, hashSeed: random.next())
    let window = ChangeWindow()
    store.feed.add(window)
    weak var table: ViewTable?
    var number = 0

    func steps(_ sample: SamplePlan) throws -> Dataflow {
      let dataflow = Dataflow(plan: sample.plan, store: store)
      var tables = sample.tables()
      for _ in 0..<5 {
        number += 1
        for _ in 0..<10 { try tables.change(&random).feed(dataflow) }
        let position = Position(epoch: try #require(Epoch("test")), lsn: LSN(UInt64(number)))
        try dataflow.finishStep(at: position, committedAt: 0, xid: nil)
      }
      return dataflow
    }

    var sample = SamplePlan.projection(.full)
    _ = try steps(sample)
    table = store.gate.visible.views.views[0].table
    // Another view of the same name: its key differs.
    sample.plan.views = sample.plan.views.map { view in
      Plan.View(
        name: view.name, node: view.node, columns: view.columns,
        key: view.key.isEmpty ? [0] : [], identity: view.identity, definition: "")
    }
    #expect(table != nil)
    _ = try steps(sample)
    #expect(table == nil)
    let visible = store.gate.visible
    guard case .steps(let kept) = window.steps(after: 1, upTo: visible.sequence) else {
      Issue.record("steps were forgotten")
      return
    }
    #expect(kept.count > 4)
  }
}

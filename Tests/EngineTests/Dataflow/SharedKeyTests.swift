import TestSupport
import Testing

@testable import Engine

/// A declared key that several rows turn out to share.
@Suite struct SharedKeyTests {
  @Test(arguments: DataflowOracleTests.identities)
  func theViewIsDegradedWhileRowsShareAKey(_ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    let sample = SamplePlan.sharedKey(identity)
    var degradations: Set<Bool> = []
    for round in 0..<10 {
      let store = ViewStore(readers: 1, hashSeed: random.next())
      let mirror = FeedMirror()
      store.feed.add(mirror)
      var dataflow = Dataflow(plan: sample.plan, store: store)
      var tables = sample.tables()
      for step in 1...40 {
        if random.oneIn(15) {
          dataflow = Dataflow(plan: sample.plan, store: store)
          for (source, rows) in tables.tables.enumerated() {
            for row in rows { try TableChange.insert(source: source, row).feed(dataflow) }
          }
        }
        for _ in 0..<random.number(0...4) { try tables.change(&random).feed(dataflow) }
        try dataflow.finishStep(
          at: Position(epoch: try #require(Epoch("e")), lsn: LSN(UInt64(step))), committedAt: nil,
          xid: nil)
        let visible = store.gate.visible
        let view = visible.views.views[0]
        let groups = Dictionary(grouping: tables.tables[0]) { $0[1] }
        let lines = view.lines(at: visible.sequence)
        let possible = groups.map { key, rows in
          rows.map { SlowPlan.line([key, $0[2]].map { $0.text(exactly: false) }, isFaulty: false) }
        }
        try #require(lines.count == groups.count, "round \(round), step \(step)")
        for line in lines { try #require(possible.contains { $0.contains(line) }, "\(line)") }
        try #require(mirror.lines(of: view) == lines, "round \(round), step \(step)")
        let isShared = groups.values.contains { $0.count > 1 }
        let degradation = view.status(at: visible.sequence).degradation
        try #require((degradation != nil) == isShared, "round \(round), step \(step)")
        degradations.insert(isShared)
      }
    }
    #expect(degradations == [true, false])
  }
}

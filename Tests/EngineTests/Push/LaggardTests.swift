import TestSupport
import Testing

@testable import Engine

/// Followers of rows that come and go without end, one of which is told nothing.
@Suite struct LaggardTests {
  @Test func whoMissesMoreThanIsKeptBeginsAnewAndOthersGoOn() throws {
    let sample = SamplePlan.sharedKey(.full)
    let store = ViewStore(readers: 1, hashSeed: 3)
    let window = ChangeWindow()
    store.feed.add(window)
    let registry = InterestRegistry(store, window)
    let dataflow = Dataflow(plan: sample.plan, store: store)
    var steps: UInt64 = 0
    func step(_ changes: [TableChange]) throws -> ReadGate.Visible {
      for change in changes { try change.feed(dataflow) }
      steps += 1
      let position = Position(epoch: try #require(Epoch("test")), lsn: LSN(steps))
      try dataflow.finishStep(at: position, committedAt: 0, xid: nil)
      let visible = store.gate.visible
      registry.catchUp(to: visible)
      return visible
    }
    let nulls = Array(repeating: Cell.null, count: sample.plan.sources[0].columns.count - 3)
    func rows(_ keys: Range<Int>) -> [[Cell]] {
      keys.map { [.word(Int64($0)), .word(Int64($0)), .text("a")] + nulls }
    }

    var visible = try step(rows(0..<10).map { .insert(source: 0, $0) })
    let view = visible.views.views[0]
    let goneKeysMax = 500
    let (quick, slow) = (
      TestFollower(view, nil, name: [1], registry, goneKeysMax: goneKeysMax),
      TestFollower(view, nil, name: [1], registry)
    )
    for follower in [quick, slow] { follower.read(at: visible) }
    let batch = 40
    var goneCount = 0
    while goneCount <= goneKeysMax {
      #expect(!slow.isLost, "\(goneCount) keys are gone")
      let come = rows(10 + goneCount..<10 + goneCount + batch)
      _ = try step(come.map { .insert(source: 0, $0) })
      visible = try step(come.map { .delete(source: 0, $0) })
      goneCount += batch
      #expect(quick.drain(visible))
    }
    #expect(slow.isLost && !quick.isLost)
    for follower in [quick, slow] {
      if follower.isLost { follower.read(at: visible) }
      visible = try step(rows(goneCount + 10..<goneCount + 11).map { .insert(source: 0, $0) })
      goneCount += 1
      #expect(follower.drain(visible))
      #expect(
        follower.rows == TestFollower.rows(of: view, follower.interest, at: visible.sequence))
    }
  }
}

import TestSupport
import Testing

@testable import Engine

/// Followers of rows that come and go without end, some of which are told nothing.
@Suite struct LaggardTests {
  private final class Stage {
    let registry: InterestRegistry
    private let store: ViewStore
    private let dataflow: Dataflow
    private let nulls: [Cell]
    private var steps: UInt64 = 0

    init(marksMax: Int = InterestRegistry.marksMaxDefault) {
      let sample = SamplePlan.sharedKey(.full)
      store = ViewStore(readers: 1, hashSeed: 3)
      let window = ChangeWindow()
      store.feed.add(window)
      registry = InterestRegistry(store, window, marksMax: marksMax)
      dataflow = Dataflow(plan: sample.plan, store: store)
      nulls = Array(repeating: Cell.null, count: sample.plan.sources[0].columns.count - 3)
    }

    func insert(_ keys: Range<Int>) throws -> ReadGate.Visible {
      try step(rows(keys).map { .insert(source: 0, $0) })
    }

    func delete(_ keys: Range<Int>) throws -> ReadGate.Visible {
      try step(rows(keys).map { .delete(source: 0, $0) })
    }

    private func rows(_ keys: Range<Int>) -> [[Cell]] {
      keys.map { [.word(Int64($0)), .word(Int64($0)), .text("a")] + nulls }
    }

    private func step(_ changes: [TableChange]) throws -> ReadGate.Visible {
      for change in changes { try change.feed(dataflow) }
      steps += 1
      let position = Position(epoch: try #require(Epoch("test")), lsn: LSN(steps))
      try dataflow.finishStep(at: position, committedAt: 0, xid: nil)
      let visible = store.gate.visible
      registry.catchUp(to: visible)
      return visible
    }
  }

  @Test func whoMissesMoreThanIsKeptBeginsAnewAndOthersGoOn() throws {
    let stage = Stage()
    var visible = try stage.insert(0..<10)
    let view = visible.views.views[0]
    let goneKeysMax = 500
    let (quick, slow) = (
      TestFollower(view, nil, name: [1], stage.registry, goneKeysMax: goneKeysMax),
      TestFollower(view, nil, name: [1], stage.registry)
    )
    for follower in [quick, slow] { follower.read(at: visible) }
    let batch = 40
    var goneCount = 0
    while goneCount <= goneKeysMax {
      #expect(!slow.isLost, "\(goneCount) keys are gone")
      let come = 10 + goneCount..<10 + goneCount + batch
      _ = try stage.insert(come)
      visible = try stage.delete(come)
      goneCount += batch
      #expect(quick.drain(visible))
    }
    #expect(slow.isLost && !quick.isLost)
    for follower in [quick, slow] {
      if follower.isLost { follower.read(at: visible) }
      visible = try stage.insert(goneCount + 10..<goneCount + 11)
      goneCount += 1
      #expect(follower.drain(visible))
      #expect(
        follower.rows == TestFollower.rows(of: view, follower.interest, at: visible.sequence))
    }
  }

  /// Somebody who is never told anything, and leaves once that is too much.
  private final class Sleeper: InterestFollower {
    private let registry: InterestRegistry
    private var interest: Interest?
    private(set) var knownMark: UInt64 = 0
    var places = FollowerPlaces()

    init(_ view: LiveView, name: UInt8, _ registry: InterestRegistry) {
      self.registry = registry
      let interest = registry.follow(TestFollower.draft(view, nil, [name]), self)
      knownMark = interest.lastMark
      self.interest = interest
    }

    var isLost: Bool { interest == nil }

    func interestChanged() {}
    func interestWasLost(_ loss: InterestLoss) {
      if let interest { registry.unfollow(interest, self) }
      interest = nil
    }
  }

  /// However many interests there are, they hold no more than is allowed; who is told in time does not notice.
  @Test func thoseFurthestBehindBeginAnewWhereMoreIsHeldThanMayBe() throws {
    let marksMax = 4_000
    let stage = Stage(marksMax: marksMax)
    var visible = try stage.insert(0..<1)
    let view = visible.views.views[0]
    let quick = TestFollower(view, nil, name: [0], stage.registry)
    quick.read(at: visible)
    // The first has the interest of the one that is told.
    let sleepers = (0..<40).map { Sleeper(view, name: $0, stage.registry) }
    for number in 0..<30 {
      visible = try stage.insert(1 + 20 * number..<21 + 20 * number)
      #expect(stage.registry.marks.count <= marksMax)
      #expect(quick.drain(visible) && !quick.isLost)
      #expect(quick.rows == TestFollower.rows(of: view, quick.interest, at: visible.sequence))
    }
    let lostCount = sleepers.filter(\.isLost).count
    #expect(lostCount >= 20 && sleepers[0].isLost)
    for sleeper in sleepers { sleeper.interestWasLost(.fellBehind) }
    #expect(stage.registry.marks.count <= 40, "who has left costs nothing")
  }

  @Test func whatIsKeptForThoseWhoComeBackIsBoundedAltogether() throws {
    let stage = Stage(marksMax: 400)
    var positions: [Position] = []
    for number in 0..<30 {
      let visible = try stage.insert(20 * number..<20 + 20 * number)
      positions.append(try #require(visible.position))
    }
    let view = try stage.insert(600..<601).views.views[0]
    // Somebody is there, or nothing is taken in.
    let follower = TestFollower(view, nil, name: [0], stage.registry)
    _ = try stage.insert(601..<602)
    var drafts = (0..<3).map { TestFollower.draft(view, nil, [$0]) }
    func replay(_ number: Int, after position: Position) -> InterestRegistry.Replay {
      stage.registry.replay(after: position, in: drafts[number], atMost: 1_000)
    }
    #expect(replay(0, after: positions[20]) == .all)
    #expect(stage.registry.pastMarks.count == 182)
    #expect(replay(1, after: positions[20]) == .all)
    #expect(replay(2, after: positions[20]) == .tooMany)
    drafts[0] = TestFollower.draft(view, nil, [3])
    drafts[2] = TestFollower.draft(view, nil, [4])
    #expect(replay(2, after: positions[20]) == .all)
    drafts.removeAll()
    #expect(stage.registry.pastMarks.count == 0)
    follower.leave(stage.registry)
  }
}

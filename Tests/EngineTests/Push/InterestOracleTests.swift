import TestSupport
import Testing

@testable import Engine

/// Followers that are told changes now and then, beside what a reader finds who reads everything.
@Suite struct InterestOracleTests {
  private static func position(_ step: Int) throws -> Position {
    Position(epoch: try #require(Epoch("test")), lsn: LSN(UInt64(step)))
  }

  /// A condition on one column, more often than not with a value that rows have.
  private static func filter(_ view: LiveView, _ random: inout SeededRandom) -> Filter? {
    guard !random.oneIn(4) else { return nil }
    let column = random.pick(view.definition.columns)
    let numbers = ["0", "1", "2", "3", "10", "1.5"]
    let operands = column.type == .text ? ["a", "bb", "c c", "", "d"] : numbers
    let usable = operands.filter {
      column.type == .text || column.type == .numeric || !$0.contains(".")
    }
    guard [.text, .numeric, .int2, .int4, .int8].contains(column.type) else { return nil }
    let test: Filter.Test =
      switch random.number(0...3) {
      case 0: .among((0..<random.number(0...3)).map { _ in random.pick(usable) })
      case 1: .isNull
      case 2 where column.type != .text: .compare(.greater, random.pick(usable))
      default: .compare(.equal, random.pick(usable))
      }
    let filter = Filter.test(column: column.name, test)
    return random.oneIn(5) ? .not(filter) : filter
  }

  private final class Stage {
    let store: ViewStore
    let window: ChangeWindow
    let registry: InterestRegistry
    var followers: [TestFollower] = []
    var names = 0

    init(_ random: inout SeededRandom) {
      store = ViewStore(readers: 1, hashSeed: random.next())
      window = ChangeWindow(bytesMax: random.pick([4_000, 60_000, 1 << 20]))
      store.feed.add(window)
      let marksMax = random.pick([20, 100, InterestRegistry.marksMaxDefault])
      registry = InterestRegistry(store, window, marksMax: marksMax)
    }

    func follow(_ random: inout SeededRandom) {
      let visible = store.gate.visible
      registry.catchUp(to: visible)
      let view = random.pick(visible.views.views)
      names += 1
      // Some share an interest.
      let like = followers.filter { $0.view === view }.randomElement(using: &random)
      let follower =
        like.map { TestFollower(view, $0.filter, name: $0.interest.name, registry) }
        ?? TestFollower(
          view, InterestOracleTests.filter(view, &random), name: Array("\(names)".utf8), registry,
          goneKeysMax: random.pick([3, Interest.goneKeysMaxDefault]))
      follower.read(at: visible)
      followers.append(follower)
    }
  }

  @Test(arguments: DataflowOracleTests.names, DataflowOracleTests.identities)
  func whoIsToldChangesKnowsTheRows(_ name: String, _ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    var (losses, replays) = (0, 0)
    for round in 0..<4 {
      let sample = try #require(SamplePlan.all(identity).first { $0.name == name })
      let stage = Stage(&random)
      let dataflow = Dataflow(plan: sample.plan, store: stage.store)
      var tables = sample.tables()
      for step in 1...60 {
        for _ in 0..<random.pick([0, 1, 1, 2, 3, 10, 40]) {
          try tables.change(&random).feed(dataflow)
        }
        try dataflow.finishStep(at: Self.position(step), committedAt: 0, xid: nil)
        if random.oneIn(4) { stage.follow(&random) }
        for follower in stage.followers where random.oneIn(2) {
          let visible = stage.store.gate.visible
          stage.registry.catchUp(to: visible)
          let place = "round \(round), step \(step), view \(follower.view.name.name)"
          let isBehind = follower.knownMark != follower.interest.lastMark
          try #require(follower.wasCalled || !isBehind, "\(place): was not called")
          if follower.isLost {
            losses += 1
            follower.read(at: visible)
          } else if !random.oneIn(3) {
            guard follower.drain(visible, atMost: random.pick([1, 3, .max])) else { continue }
          } else if try Self.replays(follower, stage, visible, place) {
            replays += 1
          }
          guard follower.drain(visible) else { continue }
          let expected = TestFollower.rows(
            of: follower.view, follower.interest, at: visible.sequence)
          try #require(follower.rows == expected, "\(place)")
        }
        if random.oneIn(6), let place = stage.followers.indices.randomElement(using: &random) {
          stage.followers.remove(at: place).leave(stage.registry)
        }
      }
    }
    print("\(name): \(losses) losses, \(replays) replays")
    #expect(replays > 0)
  }

  /// Who comes back takes the changes of the past in parts while rows go on to change and to go.
  @Test(arguments: DataflowOracleTests.names)
  func aReplayInPartsLeadsToTheRows(_ name: String) throws {
    var random = SeededRandom()
    var partsMax = 0
    for round in 0..<30 {
      let sample = try #require(SamplePlan.all(.full).first { $0.name == name })
      let stage = Stage(&random)
      let dataflow = Dataflow(plan: sample.plan, store: stage.store)
      var tables = sample.tables()
      var number = 0
      func step() throws -> ReadGate.Visible {
        number += 1
        for _ in 0..<random.pick([1, 3, 10]) { try tables.change(&random).feed(dataflow) }
        try dataflow.finishStep(at: Self.position(number), committedAt: 0, xid: nil)
        let visible = stage.store.gate.visible
        stage.registry.catchUp(to: visible)
        return visible
      }
      for _ in 0..<10 { _ = try step() }
      stage.follow(&random)
      let (rows, position) = try #require(stage.followers[0].whole)
      for _ in 0..<10 { _ = try step() }

      let view = stage.followers[0].view
      let back = TestFollower(
        view, stage.followers[0].filter, name: Array("back".utf8), stage.registry)
      back.resume(with: rows)
      let past = back.draft
      guard Self.isReplayed(after: position, in: past, stage.registry) else { continue }
      var (mark, parts) = (UInt64(0), 0)
      while mark != past.lastMark, !back.isLost {
        mark = back.take(past, after: mark, try step(), atMost: random.pick([1, 2, 5]))
        parts += 1
        try #require(parts < 1_000, "round \(round): no end")
      }
      partsMax = max(partsMax, parts)
      let visible = stage.store.gate.visible
      guard !back.isLost, back.drain(visible) else { continue }
      let expected = TestFollower.rows(of: view, back.interest, at: visible.sequence)
      try #require(back.rows == expected, "round \(round)")
    }
    #expect(partsMax > 1)
  }

  /// Somebody who was away comes back with what it had: the marks of a replay, and a page of changes, lead it to what is there.
  private static func replays(
    _ follower: TestFollower, _ stage: Stage, _ visible: ReadGate.Visible, _ place: String
  ) throws -> Bool {
    guard let (before, position) = follower.whole else { return false }
    let draft = follower.draft
    let expected = TestFollower.rows(of: follower.view, draft, at: visible.sequence)
    guard isReplayed(after: position, in: draft, stage.registry) else { return false }
    var rows = before
    let known = draft.forEachChange(after: 0, at: visible.sequence) { change in
      TestFollower.apply(change, follower.view, to: &rows)
      return true
    }
    try #require(known == draft.lastMark, "\(place)")
    try #require(rows == expected, "\(place), replay after \(position)")
    guard
      case .steps(let steps) = stage.window.steps(
        after: position, upTo: visible.sequence, of: follower.view)
    else {
      Issue.record("\(place): a replay without steps")
      return true
    }
    try page(steps, before, position, follower, expected, place)
    return true
  }

  /// Marks what came behind a position, some steps at a time; false if that is not known any more.
  private static func isReplayed(
    after position: Position, in draft: Interest, _ registry: InterestRegistry
  ) -> Bool {
    var position = position
    while true {
      switch registry.replay(after: position, in: draft, atMost: 3) {
      case .all: return true
      case .upTo(let next): position = next
      case .gone, .tooMany: return false
      }
    }
  }

  /// Pages of any size, one after the other, lead to the same.
  private static func page(
    _ steps: [RecordedStep], _ before: TestFollower.Rows, _ position: Position,
    _ follower: TestFollower, _ expected: TestFollower.Rows, _ place: String
  ) throws {
    var rows = before
    var position = position
    var rest = steps[...]
    repeat {
      let page = try #require(
        ChangePage(Array(rest), after: position, of: follower.draft, limit: 3), "\(place)")
      for change in page.changes {
        switch change {
        case .delete(let key): rows[TestFollower.normalized(key, follower.view)] = nil
        case .upsert(let row, let copies):
          var json: [UInt8] = []
          follower.view.rowWriter.write(row, to: &json)
          rows[TestFollower.key(row, follower.view)] =
            "\(copies) " + String(decoding: json, as: UTF8.self)
        }
      }
      rest = rest.drop { $0.position.lsn <= page.position.lsn }
      position = page.position
      #expect(page.hasMore == !rest.isEmpty)
    } while !rest.isEmpty
    try #require(rows == expected, "\(place), pages")
  }
}

import TestSupport
import Testing

@testable import Engine

/// Dataflows under random changes beside a slow evaluator that computes every view anew.
@Suite struct DataflowOracleTests {
  static let identities = [Plan.Source.Identity.full, .key([0])]
  static let names = SamplePlan.all(.full).map(\.name)

  private func sample(_ name: String, _ identity: Plan.Source.Identity) throws -> SamplePlan {
    try #require(SamplePlan.all(identity).first { $0.name == name })
  }

  private func position(_ step: Int) throws -> Position {
    Position(epoch: try #require(Epoch("test")), lsn: LSN(UInt64(step)))
  }

  @Test(arguments: names, identities)
  func everyStepEqualsTheDefinition(_ name: String, _ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    for round in 0..<6 {
      let sample = try sample(name, identity)
      let store = ViewStore(readers: 1, hashSeed: random.next())
      let dataflow = Dataflow(plan: sample.plan, store: store)
      let mirror = FeedMirror()
      store.feed.add(mirror)
      var tables = sample.tables()
      for step in 1...40 {
        for _ in 0..<random.pick([0, 1, 1, 1, 2, 3, 10, 40]) {
          try tables.change(&random).feed(dataflow)
        }
        try dataflow.finishStep(at: try position(step), committedAt: nil, xid: nil)
        try expectAgreement(store, sample, tables.tables, mirror, "round \(round), step \(step)")
      }
    }
  }

  private func expectAgreement(
    _ store: ViewStore, _ sample: SamplePlan, _ tables: [[[Cell]]], _ mirror: FeedMirror,
    _ place: String
  ) throws {
    let oracle = SlowPlan(plan: sample.plan, tables: tables)
    let visible = store.gate.visible
    for view in visible.views.views {
      let place = "\(place), view \(view.name.name)"
      let expected = oracle.rows(of: view.definition, exactColumns: sample.exactColumns)
      let actual = view.lines(at: visible.sequence, exactColumns: sample.exactColumns)
      try #require(actual == expected, "\(place)")
      let status = ViewStatus(
        rowCount: expected.count, faultyCount: expected.count { $0.hasSuffix("!") })
      try #require(view.status(at: visible.sequence) == status, "\(place)")
      let told = mirror.lines(of: view)
      try #require(
        told == view.lines(at: visible.sequence), "\(place): who listens knows other rows")
    }
  }

  @Test(arguments: names, identities)
  func oneBigStepEqualsManySmallOnes(_ name: String, _ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    for round in 0..<10 {
      let sample = try sample(name, identity)
      var tables = sample.tables()
      let changes = (0..<random.number(1...120)).map { _ in tables.change(&random) }
      var results: [[[String]]] = []
      for stepSize in [1, random.number(2...10), changes.count] {
        let store = ViewStore(readers: 1, hashSeed: random.next())
        let dataflow = Dataflow(plan: sample.plan, store: store)
        for start in stride(from: 0, to: changes.count, by: stepSize) {
          for change in changes[start..<min(changes.count, start + stepSize)] {
            try change.feed(dataflow)
          }
          try dataflow.finishStep(at: try position(start + 1), committedAt: nil, xid: nil)
        }
        let visible = store.gate.visible
        results.append(visible.views.views.map { $0.lines(at: visible.sequence) })
      }
      #expect(results[1] == results[0], "round \(round)")
      #expect(results[2] == results[0], "round \(round)")
    }
  }

  /// A dataflow built again over the same store, as after a reconnect.
  @Test(arguments: names, identities)
  func aRebuildTellsTheDifferenceOnly(_ name: String, _ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    for round in 0..<6 {
      let sample = try sample(name, identity)
      let store = ViewStore(readers: 1, hashSeed: random.next())
      let mirror = FeedMirror()
      store.feed.add(mirror)
      var tables = sample.tables()
      for rebuild in 1...6 {
        if rebuild % 2 == 0 {
          for _ in 0..<random.number(1...30) { _ = tables.change(&random) }
        }
        let steps = mirror.changeCounts.count
        let dataflow = Dataflow(plan: sample.plan, store: store)
        for (source, rows) in tables.tables.enumerated() {
          for row in rows.shuffled(using: &random) {
            try TableChange.insert(source: source, row).feed(dataflow)
          }
        }
        try dataflow.finishStep(at: try position(rebuild), committedAt: nil, xid: nil)
        let place = "round \(round), rebuild \(rebuild)"
        try expectAgreement(store, sample, tables.tables, mirror, place)
        if rebuild % 2 == 1, rebuild > 1 {
          #expect(mirror.changeCounts.count == steps, "\(place): nothing changed")
        }
      }
    }
  }
}

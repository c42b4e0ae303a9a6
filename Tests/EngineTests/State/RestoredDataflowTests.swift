import TestSupport
import Testing

@testable import Engine

/// Restored dataflows beside the ones they were restored from, under the same changes.
@Suite struct RestoredDataflowTests {
  @Test(arguments: DataflowOracleTests.names, DataflowOracleTests.identities)
  func aRestoredDataflowGoesOnTheSame(_ name: String, _ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    for round in 0..<2 {
      let sample = try #require(SamplePlan.all(identity).first { $0.name == name })
      let seed = random.next()
      let original = StateTrial(sample.plan, seed: seed)
      var twin: StateTrial?
      var tables = sample.tables()
      for step in 1...40 {
        let place = "round \(round), step \(step)"
        for _ in 0..<random.pick([0, 1, 1, 1, 2, 3, 10, 40]) {
          let change = tables.change(&random)
          try change.feed(original.dataflow)
          if let twin { try change.feed(twin.dataflow) }
        }
        try original.finishStep(step)
        try twin?.finishStep(step)
        let told = original.recorder.take()
        if let twin {
          try #require(twin.recorder.take() == told, "\(place): other changes")
          try #require(twin.contents() == original.contents(), "\(place): other rows")
          try expectOracle(twin, sample, tables.tables, place)
        }
        // Some go on for a while, some are restored from one that was restored.
        guard twin == nil || !random.oneIn(4) else { continue }
        let source = random.oneIn(3) ? twin ?? original : original
        let state = try source.state()
        let restored = try StateTrial(
          sample.plan, seed: seed, restoring: state, at: StateTrial.position(step))
        try #require(restored.contents() == original.contents(), "\(place): restored rows")
        try #require(
          try restored.operatorState() == source.operatorState(), "\(place): restored state")
        twin = restored
      }
    }
  }

  private func expectOracle(
    _ trial: StateTrial, _ sample: SamplePlan, _ tables: [[[Cell]]], _ place: String
  ) throws {
    let oracle = SlowPlan(plan: sample.plan, tables: tables)
    let visible = trial.store.gate.visible
    for view in visible.views.views {
      let expected = oracle.rows(of: view.definition, exactColumns: sample.exactColumns)
      let actual = view.lines(at: visible.sequence, exactColumns: sample.exactColumns)
      try #require(actual == expected, "\(place), view \(view.name.name)")
    }
  }

  /// A declared key that rows share: what is hidden behind the row shown is kept.
  @Test(arguments: DataflowOracleTests.identities)
  func rowsThatShareAKeyAreKept(_ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    let sample = SamplePlan.sharedKey(identity)
    var crowds = 0
    for round in 0..<10 {
      let seed = random.next()
      let original = StateTrial(sample.plan, seed: seed)
      var twin: StateTrial?
      var tables = sample.tables()
      for step in 1...40 {
        for _ in 0..<random.number(0...4) {
          let change = tables.change(&random)
          try change.feed(original.dataflow)
          if let twin { try change.feed(twin.dataflow) }
        }
        try original.finishStep(step)
        try twin?.finishStep(step)
        let told = original.recorder.take()
        if let twin {
          try #require(twin.recorder.take() == told, "round \(round), step \(step)")
          try #require(twin.contents() == original.contents(), "round \(round), step \(step)")
        }
        let restored = try StateTrial(
          sample.plan, seed: seed, restoring: original.state(), at: StateTrial.position(step))
        try #require(try restored.operatorState() == original.operatorState())
        twin = restored
        crowds += original.dataflow.sinks[0].crowds.count
      }
    }
    #expect(crowds > 0)
  }
}

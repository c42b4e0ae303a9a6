import TestSupport
import Testing

@testable import Engine

/// States that are not what they should be.
@Suite struct StateDamageTests {
  private struct Written {
    let plan: Plan
    let seed: UInt64
    let bytes: [UInt8]
    let sample: SamplePlan
    let tables: RandomTables
  }

  /// A small state of a plan.
  private static func written(_ sample: SamplePlan, _ random: inout SeededRandom) throws -> Written
  {
    let seed = random.next()
    let trial = StateTrial(sample.plan, seed: seed)
    var tables = sample.tables()
    for _ in 0..<25 { try tables.change(&random).feed(trial.dataflow) }
    try trial.finishStep(1)
    return Written(
      plan: sample.plan, seed: seed, bytes: try trial.state(), sample: sample, tables: tables)
  }

  private static func restore(_ bytes: [UInt8], of written: Written) throws -> StateTrial {
    try StateTrial(
      written.plan, seed: written.seed, restoring: bytes, at: StateTrial.position(1))
  }

  @Test(arguments: DataflowOracleTests.names)
  func noStateEndsEarly(_ name: String) throws {
    var random = SeededRandom()
    let sample = try #require(SamplePlan.all(.key([0])).first { $0.name == name })
    let written = try Self.written(sample, &random)
    _ = try Self.restore(written.bytes, of: written)
    // A view of one column is small enough for every byte.
    let step = name == "spellings" ? 1 : max(1, written.bytes.count / 150)
    for count in stride(from: 0, to: written.bytes.count, by: step) {
      #expect(throws: StateFault.self, "\(count) bytes of \(written.bytes.count)") {
        _ = try Self.restore(Array(written.bytes[..<count]), of: written)
      }
    }
  }

  @Test(arguments: [1, 3, 7, 64]) func blocksMayBeCutAnywhere(_ size: Int) throws {
    var random = SeededRandom()
    let sample = try #require(SamplePlan.all(.key([0])).first { $0.name == "aggregates" })
    let written = try Self.written(sample, &random)
    let store = ViewStore(readers: 1, hashSeed: written.seed)
    let dataflow = Dataflow(plan: written.plan, store: store)
    try StateTrial.read(written.bytes, blocks: [size, 2 * size + 1]) { reader in
      try dataflow.restoreState(from: &reader)
      try dataflow.restoreRows(from: &reader)
    }
  }

  /// What is changed is refused, or is another state; neither may crash or ask for memory out of proportion. What such a state leads to
  /// is its owner's, who has checksums.
  @Test(arguments: DataflowOracleTests.names)
  func whatIsChangedDoesNotCrash(_ name: String) throws {
    var random = SeededRandom()
    var (refused, taken) = (0, 0)
    let sample = try #require(SamplePlan.all(.key([0])).first { $0.name == name })
    for _ in 0..<8 {
      let written = try Self.written(sample, &random)
      for _ in 0..<100 {
        var bytes = written.bytes
        for _ in 0..<random.pick([1, 1, 2, 8]) {
          let place = random.number(28...bytes.count - 1)
          switch random.number(0...3) {
          case 0: bytes[place] ^= 1 << UInt8(random.number(0...7))
          case 1: bytes[place] = 0xFF
          case 2: bytes[place] = 0
          default:
            let end = min(bytes.count, place + 8)
            for index in place..<end { bytes[index] = UInt8(random.number(0...255)) }
          }
        }
        if random.oneIn(10) { bytes.remove(at: random.number(28...bytes.count - 1)) }
        do {
          let trial = try Self.restore(bytes, of: written)
          taken += 1
          var tables = written.tables
          do {
            for step in 2...5 {
              for _ in 0..<10 { try tables.change(&random).feed(trial.dataflow) }
              try trial.finishStep(step)
            }
          } catch is DataflowFault {}
        } catch is StateFault { refused += 1 }
      }
    }
    print("\(name): \(refused) refused, \(taken) taken")
    #expect(refused > 0)
  }

  @Test func whatIsOfAnotherIsRefusedByName() throws {
    var random = SeededRandom()
    let samples = SamplePlan.all(.full) + SamplePlan.all(.key([0]))
    let written = try Self.written(samples[0], &random)
    for sample in samples.dropFirst() {
      let error = #expect(throws: StateFault.self) {
        _ = try StateTrial(
          sample.plan, seed: written.seed, restoring: written.bytes, at: StateTrial.position(1))
      }
      #expect(error == .otherFingerprint(PlanFingerprint(of: written.plan)))
    }
    let error = #expect(throws: StateFault.self) {
      _ = try StateTrial(
        written.plan, seed: written.seed ^ 2, restoring: written.bytes, at: StateTrial.position(1))
    }
    #expect(error == .otherHashSeed(RowHasher(seed: written.seed).seed))
    var newer = written.bytes
    newer[8] = 77
    #expect(throws: StateFault.otherVersion(77)) {
      _ = try Self.restore(newer, of: written)
    }
    // No header, or one that stands elsewhere.
    #expect(throws: StateFault.damaged(offset: 8, expected: "a state")) {
      _ = try Self.restore(Array(written.bytes.dropFirst(36)), of: written)
    }
    try StateTrial.read(written.bytes) { reader in
      let header = try StateHeader(from: &reader)
      #expect(header.fingerprint == PlanFingerprint(of: written.plan))
      #expect(header.hashSeed == RowHasher(seed: written.seed).seed)
    }
  }

  @Test func onlyWhatIsAtRestIsWritten() throws {
    var random = SeededRandom()
    let sample = try #require(SamplePlan.all(.full).first { $0.name == "aggregates" })
    let trial = StateTrial(sample.plan, seed: random.next())
    #expect(throws: StateFault.stepUnderWay) { _ = try trial.state() }
    var tables = sample.tables()
    for _ in 0..<10 { try tables.change(&random).feed(trial.dataflow) }
    try trial.finishStep(1)
    _ = try trial.state()
    var insert = tables.change(&random)
    while case .truncate = insert { insert = tables.change(&random) }
    try insert.feed(trial.dataflow)
    #expect(throws: StateFault.stepUnderWay) { _ = try trial.state() }
    try trial.finishStep(2)
    _ = trial.dataflow.distrust(table: 0, "updated, but only inserts are published")
    #expect(throws: StateFault.distrusted) { _ = try trial.state() }
  }

  @Test func whatTheWritersOwnerThrowsEndsTheWriting() throws {
    struct DiskFull: Error {}
    var random = SeededRandom()
    let trial = StateTrial(SamplePlan.all(.full)[0].plan, seed: random.next())
    try trial.finishStep(1)
    #expect(throws: DiskFull.self) {
      var writer = StateWriter { _ in throw DiskFull() }
      try trial.dataflow.writeState(to: &writer)
      try writer.finish()
    }
  }
}

import TestSupport
import Testing

@testable import Engine

/// The rule of ``HoldBook`` under many schedules of several instances that crash, lag and read anew.
struct HoldSimulationTests {
  private static let seeds = 3_000

  @Test func nothingIsPromisedThatIsNotThere() {
    var random = SeededRandom()
    var promised = 0
    var refused = 0
    var told = 0
    for _ in 0..<Self.seeds {
      let seed = random.next()
      var run = HoldSimulation(seed: seed, HoldSimulation.Settings())
      let stock = run.now.stock
      run.run(steps: 120)
      let found = HoldAuditor.oversold(run, stock: stock)
      #expect(found == [] && HoldAuditor.revoked(run) == [], "seed \(seed)")
      #expect(HoldAuditor.takenUnasked(run) == [], "seed \(seed)")
      told += run.told.count
      promised += run.decisions.values.count(where: \.isGranted)
      refused += run.decisions.values.count { !$0.isGranted }
    }
    print("promised \(promised), refused by the log \(refused), told of undecided \(told)")
    #expect(promised > Self.seeds && refused > Self.seeds / 4 && told > Self.seeds / 10)
  }

  /// Without the mark, shops confirm what was never promised, and more than is there; with it they do neither.
  @Test func whatIsToldUndecidedIsConfirmedOnlyWhereItIsNotMarked() {
    let marked = runsThatConfirmTooMuch(.marked)
    #expect(marked.unasked == 0 && marked.short == 0)
    let unmarked = runsThatConfirmTooMuch(.unmarked)
    print("of \(Self.seeds / 2) runs without marks, \(unmarked)")
    #expect(unmarked.unasked > 0)
  }

  /// How many runs confirm a hold without a promise, and how many sell more than is there, while nobody takes stock away.
  private func runsThatConfirmTooMuch(_ tells: HoldSimulation.Telling) -> (
    unasked: Int, short: Int
  ) {
    var random = SeededRandom()
    var settings = HoldSimulation.Settings()
    settings.tells = tells
    settings.moves = false
    var found = (unasked: 0, short: 0)
    for _ in 0..<Self.seeds / 2 {
      var run = HoldSimulation(seed: random.next(), settings)
      var database = HoldSimulation.Database(stock: run.now.stock)
      run.run(steps: 120)
      if HoldAuditor.takenUnasked(run) != [] { found.unasked += 1 }
      let isShort = run.log.contains { transaction in
        for event in transaction { database.apply(event) }
        return (0..<run.keyCount).contains { key in
          let sold = database.rows.values.filter { $0.status == .confirmed }
          return database.stock[key] < sold.map { $0.claim.units(of: key) }.reduce(0, +)
        }
      }
      if isShort { found.short += 1 }
    }
    return found
  }

  /// The sum of what is promised never passes the stock, at any place of the log, as long as nobody takes stock away.
  @Test func theSumOfPromisesNeverPassesTheStock() {
    var random = SeededRandom()
    var settings = HoldSimulation.Settings()
    settings.moves = false
    for _ in 0..<Self.seeds / 4 {
      let seed = random.next()
      var run = HoldSimulation(seed: seed, settings)
      var database = HoldSimulation.Database(stock: run.now.stock)
      run.run(steps: 120)
      for (index, transaction) in run.log.enumerated() {
        for event in transaction { database.apply(event) }
        func isPromised(_ id: HoldID) -> Bool {
          run.decisions[id].map { $0.isGranted && $0.position <= index + 1 } ?? false
        }
        for key in 0..<run.keyCount {
          let promised = database.rows.filter { id, row in
            row.status.isActive && isPromised(id)
              && !(row.supersededBy.map(isPromised) ?? false)
          }.map { $0.value.claim.units(of: key) }.reduce(0, +)
          #expect(database.stock[key] >= promised, "seed \(seed)")
        }
      }
    }
  }

  @Test func oneInstanceAloneRefusesNothingThatFits() {
    var random = SeededRandom()
    var settings = HoldSimulation.Settings()
    settings.instances = 1...1
    settings.crashes = false
    settings.adopts = false
    settings.replaces = false
    var refused = 0
    for _ in 0..<Self.seeds {
      let seed = random.next()
      var run = HoldSimulation(seed: seed, settings)
      let stock = run.now.stock
      run.run(steps: 120)
      #expect(HoldAuditor.refusedInVain(run, stock: stock) == [], "seed \(seed)")
      refused += run.decisions.values.count { !$0.isGranted }
    }
    #expect(refused > 0)
  }

  /// Single units and nothing but takers: as many are promised as are there.
  @Test func asManyAreFoundAsFit() {
    var random = SeededRandom()
    var settings = HoldSimulation.Settings()
    settings.instances = 1...1
    settings.crashes = false
    settings.adopts = false
    settings.moves = false
    settings.replaces = false
    settings.unitsMax = 1
    for _ in 0..<500 {
      let seed = random.next()
      var run = HoldSimulation(seed: seed, settings)
      run.run(steps: 400)
      for key in 0..<run.keyCount where run.shortCount > 0 {
        #expect(run.now.available(key) >= 0, "seed \(seed)")
      }
      #expect(
        run.shortCount == 0 || (0..<run.keyCount).contains { run.wasEmptied($0) }, "seed \(seed)")
    }
  }
}

extension HoldSimulation {
  /// Whether at some place of the log nothing was left of a key.
  fileprivate func wasEmptied(_ key: Int) -> Bool {
    var database = Database(stock: now.stock)
    database.stock[key] = stockAtStart(key)
    return log.contains { transaction in
      for event in transaction { database.apply(event) }
      return database.available(key) <= 0
    }
  }

  private func stockAtStart(_ key: Int) -> Int64 {
    var stock = now.stock[key]
    for case .stock(let other, let by) in log.joined() where other == key { stock -= by }
    return stock
  }
}

import Capture
import Foundation
import TestSupport
import Testing

@testable import Gateway

/// Many at once on a real database; an auditor reads the log and recomputes every verdict.
@Suite(.serialized)
struct HoldRaceTests {
  struct Scene: Sendable, CustomTestStringConvertible {
    let name: String
    var processes = 1
    var stock = 10
    var settings = HoldRace.Settings()

    init(
      _ name: String, processes: Int = 1, stock: Int = 10,
      _ change: (inout HoldRace.Settings) -> Void = { _ in }
    ) {
      self.name = name
      self.processes = processes
      self.stock = stock
      change(&settings)
    }

    var testDescription: String { name }
  }

  static let scenes = [
    Scene("one key", stock: 80) {
      $0.items = 1
      $0.linesMax = 1
    },
    Scene("baskets in any order", stock: 40) {
      $0.items = 6
      $0.linesMax = 5
    },
    Scene("parts", stock: 40) { $0.partial = true },
    Scene("replacements", stock: 50) { $0.references = true },
    Scene("two processes", processes: 2, stock: 40) {
      $0.partial = true
      $0.references = true
    },
  ]

  @Test(arguments: scenes)
  func nothingIsOversold(scene: Scene) throws {
    var random = SeededRandom()
    let shop = try HoldShop()
    try shop.database.run("UPDATE stock SET units = \(scene.stock)")
    let processes = try (0..<scene.processes).map { try OnhandProcess(shop, slot: "onhand_\($0)") }
    let stage = try Stage(shop, processes, scene, &random)
    stage.race.run {}
    try check(stage, scene, processes)
    #expect(
      stage.race.result.statuses.keys.filter { $0 >= 500 } == [], "\(stage.race.result.codes)")
    #expect(stage.race.result.lost == 0)
  }

  private static let kills = KillCount.asked(orElse: 6)

  /// Whichever process is killed: what was told stands, and the other goes on; with and without what the killed one kept.
  @Test(arguments: [false, true])
  func killsRevokeNothing(keeps: Bool) throws {
    var random = SeededRandom()
    let shop = try HoldShop()
    var scene = Scene(keeps ? "kills, state is kept" : "kills", processes: 2, stock: 40)
    scene.settings.survivesKills = true
    scene.settings.rounds = 5 * Self.kills
    scene.settings.references = true
    try shop.database.run("UPDATE stock SET units = \(scene.stock)")
    let kept = (0..<2).map { _ in keeps ? KeptFolder(shop.database) : nil }
    var processes = try (0..<2).map {
      try OnhandProcess(shop, slot: "onhand_\($0)", kept: kept[$0])
    }
    if keeps {
      try wait("checkpoints") { processes.allSatisfy { $0.logged(" checkpoint ") } }
    }
    let stage = try Stage(shop, processes, scene, &random)
    var resumed = 0
    try stage.race.run {
      for kill in 0..<Self.kills {
        pause(milliseconds: UInt32(random.number(100...600)))
        let place = kill % 2
        if processes[place].logged("resuming") { resumed += 1 }
        processes[place].kill()
        processes[place] = try OnhandProcess(shop, slot: "onhand_\(place)", kept: kept[place])
        stage.race.setPort(processes[place].port, of: place)
      }
    }
    try check(stage, scene, processes)
    #expect(stage.race.result.lost > 0)
    #expect(keeps == (resumed > 0), "\(resumed) of \(Self.kills)")
    for process in processes { process.kill() }
  }

  /// A process stands still for longer than another waits to speak for it, in the midst of whatever it does, and goes on.
  @Test func pausesRevokeNothing() throws {
    var random = SeededRandom()
    let shop = try HoldShop()
    var scene = Scene("pauses", processes: 2, stock: 120)
    scene.settings.survivesKills = true
    scene.settings.timeoutMilliseconds = 300
    scene.settings.references = true
    scene.settings.writes = false
    scene.settings.rounds = 30
    try shop.database.run("UPDATE stock SET units = \(scene.stock)")
    let processes = try (0..<2).map { try OnhandProcess(shop, slot: "onhand_\($0)") }
    let stage = try Stage(shop, processes, scene, &random)
    stage.race.run {
      for process in [0, 1, 0] {
        pause(milliseconds: UInt32(random.number(50...300)))
        processes[process].pause()
        pause(milliseconds: 5_000)
        processes[process].resume()
      }
    }
    try check(stage, scene, processes, knowsOrder: false)
    #expect(stage.race.result.lost > 0)
  }

  /// The log of one process or the other stands still, now and then, and clients whose holds are undecided confirm them at once.
  @Test func whatIsUndecidedIsNotConfirmed() async throws {
    var random = SeededRandom()
    try await TestCluster.withCluster { cluster in
      let shop = try HoldShop(on: cluster)
      var scene = Scene("undecided", processes: 2, stock: 60)
      scene.settings.waitMilliseconds = 50
      scene.settings.rounds = 40
      scene.settings.references = true
      scene.settings.writes = false
      try shop.database.run("UPDATE stock SET units = \(scene.stock)")
      let processes = try (0..<2).map { try OnhandProcess(shop, slot: "onhand_\($0)") }
      let stage = try Stage(shop, processes, scene, &random)
      try stage.race.run {
        for turn in 0..<8 {
          let rows = try shop.database.run(
            "SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'onhand_\(turn % 2)%'"
          )
          guard let pid = rows.first?[0].flatMap({ pid_t($0) }) else { continue }
          kill(pid, SIGSTOP)
          pause(milliseconds: UInt32(random.number(100...600)))
          kill(pid, SIGCONT)
          pause(milliseconds: UInt32(random.number(20...100)))
        }
      }
      try check(stage, scene, processes, knowsOrder: false)
      #expect(stage.race.result.early["OH425"] ?? 0 > 0, "\(stage.race.result.early)")
      for process in processes { process.kill() }
    }
  }

  /// Sessions are cut at any moment, the stream's with snapshots taken anew: what is in doubt is sent again, and counted once.
  @Test func cutSessionsLoseAndOversellNothing() throws {
    var random = SeededRandom()
    let shop = try HoldShop()
    var scene = Scene("cuts", processes: 2, stock: 60)
    scene.settings.survivesKills = true
    scene.settings.references = true
    scene.settings.writes = false
    scene.settings.rounds = 150
    try shop.database.run("UPDATE stock SET units = \(scene.stock)")
    let processes = try (0..<2).map { try OnhandProcess(shop, slot: "onhand_\($0)") }
    let stage = try Stage(shop, processes, scene, &random)
    let cutter = try SessionCutter(shop.database, seed: random.next())
    stage.race.run {}
    let cuts = try cutter.stop()
    try check(stage, scene, processes, knowsOrder: false, isCut: true)
    print("sessions cut: \(cuts)")
    #expect(cuts > 5)
  }

  /// As many as are there, each once, and the others hear of it.
  @Test(arguments: [1, 2])
  func theLastUnitIsFound(processCount: Int) throws {
    let shop = try HoldShop()
    let processes = try (0..<processCount).map { try OnhandProcess(shop, slot: "onhand_\($0)") }
    let units = 100
    try shop.database.run("UPDATE stock SET units = \(units) WHERE item_id = 1")
    let ports = processes.map(\.port)
    let group = DispatchGroup()
    nonisolated(unsafe) var counts = Array(repeating: 0, count: 32)
    for number in counts.indices {
      group.enter()
      Thread {
        defer { group.leave() }
        guard let client = try? HTTPClient(port: ports[number % processCount]) else {
          return
        }
        var refusals = 0
        var count = 0
        // Another process may for a moment refuse what would fit.
        while refusals < 10 {
          guard let answer = try? client.post("/v1/holds", HoldShop.body(HoldShop.line(1, 1)))
          else { break }
          if answer.status == 201 {
            count += 1
          } else {
            refusals += 1
            pause(milliseconds: 20)
          }
        }
        counts[number] = count
      }.start()
    }
    group.wait()
    #expect(counts.reduce(0, +) == units)
    let rows = try shop.database.run(
      "SELECT count(*) FILTER (WHERE status = 'held'), count(*) FILTER (WHERE status = 'rejected') FROM onhand.holds"
    )
    print(
      "granted \(counts.reduce(0, +)), held in the database \(rows[0][0] ?? ""), rejected \(rows[0][1] ?? "")"
    )
    #expect(rows[0][0] == "\(units)")
  }

  /// Clients over running processes, and who looks on.
  private struct Stage {
    let race: HoldRace
    let watch: LockWatch
    /// As a shop's, which nobody cuts.
    let audit: PostgresConnection

    init(
      _ shop: HoldShop, _ processes: [OnhandProcess], _ scene: Scene, _ random: inout SeededRandom
    ) throws {
      audit = try shop.shopConnection()
      try DecodedLog.begin(audit)
      watch = try LockWatch(shop.database)
      race = HoldRace(
        shop, ports: processes.map(\.port), seed: random.next(), scene.settings)
    }
  }

  // MARK: Looking

  /// Waits until nothing is in flight any more.
  private func settle(_ processes: [OnhandProcess]) throws {
    for process in processes {
      let client = try HTTPClient(port: process.port)
      try wait("settled") {
        let metrics = try client.get("/metrics").body
        return metrics.contains("\nonhand_holds_in_flight 0\n")
          && metrics.contains("\nonhand_holds_refused_rows 0\n")
      }
    }
  }

  /// - Parameters:
  ///   - knowsOrder: whether each hold was decided at its own commit.
  ///   - isCut: whether sessions were, the one that watches locks among them.
  private func check(
    _ stage: Stage, _ scene: Scene, _ processes: [OnhandProcess], knowsOrder: Bool = true,
    isCut: Bool = false
  ) throws {
    let waits: LockWatch.Waits
    do { waits = try stage.watch.stop() } catch {
      guard isCut else { throw error }
      waits = LockWatch.Waits()
    }
    try settle(processes)
    let race = stage.race
    let result = race.result
    let known = Set(
      try race.shop.database.run("SELECT id FROM onhand.holds WHERE status <> 'rejected'")
        .compactMap(\.[0]))
    #expect(Set(result.told.keys).subtracting(known) == [])
    // Nobody takes stock away, so that whatever was oversold still shows.
    let short = try race.shop.database.connect().query(
      """
      SELECT s.item_id FROM stock s JOIN onhand.hold_lines l ON l.item = s.item_id AND l.location = s.store
      JOIN onhand.holds h ON h.id = l.hold_id
      WHERE h.status IN ('held', 'confirmed') AND h.superseded_by IS NULL AND h.id = ANY ($1::uuid[])
      GROUP BY s.item_id, s.store, s.units HAVING sum(l.quantity) > s.units
      """, ["{\(result.told.keys.joined(separator: ","))}"])
    #expect(short.isEmpty)
    // Replaced or overtaken by others is what a shop may hear; never that it was a deadlock's victim.
    #expect(Set(result.shopFailures.keys).isSubset(of: ["OH409", "OH410", "OH404"]))
    #expect(waits.shopsForOnhand == 0 && waits.onhandForShops == 0, "\(waits.statements)")
    guard let log = try DecodedLog(stage.audit) else { return #expect(result.told.count > 10) }
    var stock: [String: Int] = [:]
    for item in 1...50 {
      for store in ["north", "south"] { stock["\(item) \(store)"] = scene.stock }
    }
    let auditor = HoldLogAuditor(log, told: result.told, stock: stock, knowsOrder: knowsOrder)
    #expect(auditor.findings == [], "\(scene.name)")
    #expect(result.told.count > 10 && auditor.verdicts > (knowsOrder ? 10 : -1))
    print(
      "\(scene.name): told \(result.told.count), verdicts recomputed \(auditor.verdicts), rejected by the log \(auditor.rejections), beside refusals never said \(auditor.besideUnmarked),",
      "settled in SQL \(result.settled), answers \(result.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }),",
      "early \(result.early), codes \(result.codes), shop failures \(result.shopFailures), lost \(result.lost), transactions \(log.transactions.count), lock looks \(waits.looks)"
    )
  }
}

import Capture
import Engine
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Gateway

/// A start over what an earlier process kept: from there where that leads to what Postgres has, from a snapshot by a named rule where not.
@Suite(.serialized)
struct ResumptionTests {
  private static let schema = """
    CREATE TABLE place (id int PRIMARY KEY, name text);
    INSERT INTO place SELECT i, 'place ' || i FROM generate_series(1, 5) i;
    CREATE TABLE moved (item int, place int, units int);
    ALTER TABLE moved REPLICA IDENTITY FULL;
    INSERT INTO moved SELECT i % 30, 1 + i % 5, i % 7 FROM generate_series(1, 500) i;
    CREATE VIEW stock AS
      SELECT m.item, p.id AS place, p.name, sum(m.units) AS units, max(m.units) AS most,
        count(DISTINCT m.units) AS kinds
      FROM moved m JOIN place p ON p.id = m.place GROUP BY m.item, p.id, p.name;
    CREATE VIEW low AS SELECT item, place, units FROM stock WHERE units < 20;
    """

  /// A database, and what an instance keeps of it.
  private struct Stage {
    let database: TestDatabase
    let folder: KeptFolder
    var configuration: Configuration
    var views = ["stock", "low"]

    init(cluster: PrivateCluster? = nil, appendOnly: [String] = []) throws {
      database =
        try cluster.map { try TestDatabase(on: $0, name: "shop", ResumptionTests.schema) }
        ?? TestCluster.database(ResumptionTests.schema)
      folder = KeptFolder(database)
      configuration = try database.prepared(["stock", "low"], appendOnly: appendOnly)
      configuration.dataDirectory = folder.path
      configuration.slot = folder.slot
    }

    func change(_ random: inout SeededRandom, _ count: Int = 20) throws {
      let connection = try database.connect()
      for _ in 0..<count {
        let (item, place) = (random.number(0...35), random.number(1...5))
        switch random.number(0...4) {
        case 0: try connection.execute("DELETE FROM moved WHERE item = \(item)")
        case 1: try connection.execute("UPDATE place SET name = name || '.' WHERE id = \(place)")
        case 2:
          try connection.execute(
            "UPDATE moved SET units = units + 1 WHERE item = \(item) AND place = \(place)")
        default:
          try connection.execute(
            """
            INSERT INTO moved SELECT \(item), \(place), i FROM generate_series(1, \(random.number(1...4))) i
            """)
        }
      }
    }

    /// Runs a process to its end, with `body` once it follows the log.
    @discardableResult
    func run(_ body: (TestService) async throws -> Void = { _ in }) async throws -> RecordedLog {
      let log = RecordedLog()
      try await TestService.run(configuration, logger: log.logger) { service in
        try service.waitUntilStreaming()
        try ViewOracle(connection: database.connect(), views: views).expectEqual(service, "start")
        try await body(service)
        try ViewOracle(connection: database.connect(), views: views).expectEqual(service, "end")
      }
      return log
    }

    var checkpoint: URL { URL(fileURLWithPath: folder.path + "/checkpoint") }
  }

  @Test func eachStartGoesOnWithoutASnapshot() async throws {
    var random = SeededRandom()
    let stage = try Stage()
    try await stage.run { _ in try stage.change(&random) }
    for _ in 0..<5 {
      try stage.change(&random)
      let log = try await stage.run { service in
        #expect(try service.metric("onhand_bootstraps_total") == 0)
        #expect(try service.metric("onhand_resumptions_total") == 1)
        try stage.change(&random)
      }
      #expect(log.has("resuming") && log.has("state_restored"))
    }
  }

  /// What is harmed while nobody follows, and the rule that it is met by.
  private enum Harm: String, CaseIterable {
    case slotDropped, slotRead, checkpointGone, operatorsDamaged, viewRedefined, tableLeft
    case columnRetyped, identityLowered, publicationMadeAnew

    var rule: String {
      switch self {
      case .slotDropped: "slot_missing"
      case .slotRead: "checkpoint_behind_slot"
      case .checkpointGone: "checkpoint_missing"
      case .operatorsDamaged: "checkpoint_damaged"
      case .viewRedefined, .tableLeft, .columnRetyped, .identityLowered, .publicationMadeAnew:
        "catalog_changed"
      }
    }

    func happen(to stage: Stage) throws {
      switch self {
      case .slotDropped: try stage.folder.dropSlot()
      case .slotRead:
        try stage.database.run(
          """
          SELECT pg_catalog.pg_replication_slot_advance('\(stage.folder.slot)',
            pg_catalog.pg_current_wal_lsn())
          """)
      case .checkpointGone: try FileManager.default.removeItem(at: stage.checkpoint)
      case .operatorsDamaged:
        var bytes = try Data(contentsOf: stage.checkpoint)
        bytes[bytes.count - 100] ^= 1
        try bytes.write(to: stage.checkpoint)
      case .viewRedefined:
        try stage.database.run(
          "CREATE OR REPLACE VIEW low AS SELECT item, place, units FROM stock WHERE units < 40")
      case .tableLeft:
        // Published again, and nothing in the catalogs looks different, but what happened between.
        try stage.database.run("ALTER PUBLICATION onhand DROP TABLE moved")
        try stage.database.run("INSERT INTO moved VALUES (1, 1, 1000)")
        try stage.database.run("ALTER PUBLICATION onhand ADD TABLE moved")
      case .columnRetyped:
        try stage.database.run(
          """
          DROP VIEW low; DROP VIEW stock; ALTER TABLE moved ALTER units TYPE bigint USING units * 2;
          CREATE VIEW stock AS
            SELECT m.item, p.id AS place, p.name, sum(m.units) AS units, max(m.units) AS most,
              count(DISTINCT m.units) AS kinds
            FROM moved m JOIN place p ON p.id = m.place GROUP BY m.item, p.id, p.name;
          CREATE VIEW low AS SELECT item, place, units FROM stock WHERE units < 20
          """)
      case .identityLowered:
        try stage.database.run("ALTER TABLE place REPLICA IDENTITY FULL")
      case .publicationMadeAnew:
        try stage.database.run("DROP PUBLICATION onhand")
        try stage.database.run("CREATE PUBLICATION onhand FOR TABLE moved, place")
      }
    }
  }

  @Test(arguments: Harm.allCases.map(\.rawValue))
  func whatLeadsNowhereIsNamedAndASnapshotIsTaken(_ name: String) async throws {
    var random = SeededRandom()
    let harm = try #require(Harm(rawValue: name))
    let stage = try Stage()
    try await stage.run { _ in try stage.change(&random) }
    try stage.change(&random)
    try harm.happen(to: stage)
    try stage.change(&random)
    let log = try await stage.run { service in
      #expect(try service.metric("onhand_bootstraps_total") == 1)
      try stage.change(&random)
    }
    #expect(log.has(harm.rule), "\(log.all)")
    // And from then on it is kept again.
    let next = try await stage.run()
    #expect(next.has("resuming"), "\(next.all)")
  }

  @Test func anotherSetOfViewsBeginsWithASnapshot() async throws {
    var random = SeededRandom()
    var stage = try Stage()
    try await stage.run()
    try stage.change(&random)
    stage.configuration.views = [.init(name: "stock")]
    stage.views = ["stock"]
    let fewer = try await stage.run()
    #expect(fewer.has("catalog_changed") || fewer.has("views_changed"), "\(fewer.all)")
    try stage.change(&random)
    stage.configuration.views = [.init(name: "stock"), .init(name: "low")]
    stage.views = ["stock", "low"]
    let more = try await stage.run()
    #expect(!more.has("resuming"), "\(more.all)")
    let next = try await stage.run()
    #expect(next.has("resuming"), "\(next.all)")
  }

  /// The log of an append-only table does not tell of it; the server counts it.
  @Test func anAppendOnlyTableThatWasRewrittenBeginsWithASnapshot() async throws {
    let stage = try Stage(appendOnly: ["moved"])
    try await stage.run()
    let again = try await stage.run()
    #expect(again.has("resuming"))
    try stage.database.run("UPDATE moved SET units = 3 WHERE item = 4")
    try wait("the count") {
      try stage.database.run(
        "SELECT n_tup_upd > 0 FROM pg_catalog.pg_stat_all_tables WHERE relname = 'moved'")[0][0]
        == "t"
    }
    let log = try await stage.run()
    #expect(log.has("catalog_changed"))
  }

  /// A server that is set back by a copy of its files has neither another name nor another timeline.
  @Test func aDatabaseThatWasSetBackBeginsWithASnapshotInAnotherEpoch() async throws {
    var random = SeededRandom()
    let cluster = try TestCluster.template().makeCluster()
    try cluster.start()
    let stage = try Stage(cluster: cluster)
    try await stage.run { _ in try stage.change(&random) }
    try cluster.stop()
    let data = cluster.folder + "/data"
    let copy = cluster.folder + "/copy"
    try Self.copy(data, to: copy)
    try cluster.start()
    var before: Position?
    try await stage.run { service in
      try stage.change(&random, 200)
      let answer = try service.client.get("/v1/views/low/rows")
      before = answer.fields["onhand-position"].flatMap(Position.init)
    }
    try cluster.stop()
    try FileManager.default.removeItem(atPath: data)
    try Self.copy(copy, to: data)
    try cluster.start()
    let log = try await stage.run { service in
      let answer = try service.client.get("/v1/views/low/rows")
      let after = answer.fields["onhand-position"].flatMap(Position.init)
      #expect(after?.epoch != before?.epoch)
    }
    #expect(log.has("checkpoint_of_other_history"), "\(log.all)")
    let next = try await stage.run()
    #expect(next.has("resuming"), "\(next.all)")
    try cluster.stop()
    try cluster.remove()
  }

  private static func copy(_ from: String, to: String) throws {
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/cp")
    copy.arguments = ["-a", from, to]
    try copy.run()
    copy.waitUntilExit()
    try #require(copy.terminationStatus == 0)
  }

  /// The slot lets go of what is kept, also while nothing happens but other databases' work.
  @Test func nothingIsRetainedForASlotThatIsIdle() async throws {
    let stage = try Stage()
    try await stage.run { service in
      let before = try service.metric("onhand_slot_kept_position_bytes")
      try TestCluster.database("CREATE TABLE other AS SELECT generate_series(1, 20000) AS n")
        .run("INSERT INTO other SELECT generate_series(1, 20000)")
      try wait("the slot to let go") {
        try service.metric("onhand_slot_kept_position_bytes") > before + 1_000_000
      }
    }
    let next = try await stage.run()
    #expect(next.has("resuming"), "\(next.all)")
  }

  /// A server that ends waits for those who read its log to have kept all of it.
  @Test func aServerThatEndsIsNotKeptWaiting() async throws {
    var random = SeededRandom()
    let cluster = try TestCluster.template().makeCluster()
    try cluster.start()
    let stage = try Stage(cluster: cluster)
    try await stage.run { service in
      try stage.change(&random)
      try cluster.stop()
      try cluster.start()
      try stage.change(&random)
      try service.waitUntilStreaming()
      #expect(try service.metric("onhand_bootstraps_total") == 1)
      #expect(try service.metric("onhand_resumptions_total") >= 1)
    }
    try cluster.stop()
    try cluster.remove()
  }
}

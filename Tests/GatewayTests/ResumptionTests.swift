import Capture
import Engine
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// A start over what an earlier process kept: from there where that leads to what Postgres has, from a snapshot by a named rule where not.
@Suite(.serialized)
struct ResumptionTests {
  @Test func eachStartGoesOnWithoutASnapshot() async throws {
    var random = SeededRandom()
    let stage = try KeptStage()
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

    func happen(to stage: KeptStage) throws {
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
    let stage = try KeptStage()
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
    try await stage.expectKept()
  }

  @Test func anotherSetOfViewsBeginsWithASnapshot() async throws {
    var random = SeededRandom()
    var stage = try KeptStage()
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
    try await stage.expectKept()
  }

  /// The log of an append-only table does not tell of it; the server counts it.
  @Test func anAppendOnlyTableThatWasRewrittenBeginsWithASnapshot() async throws {
    let stage = try KeptStage(appendOnly: ["moved"])
    try await stage.run()
    try await stage.expectKept()
    try stage.database.run("UPDATE moved SET units = 3 WHERE item = 4")
    try wait("the count") {
      try stage.database.run(
        "SELECT n_tup_upd > 0 FROM pg_catalog.pg_stat_all_tables WHERE relname = 'moved'")[0][0]
        == "t"
    }
    let log = try await stage.run()
    #expect(log.has("catalog_changed"))
  }

  /// The slot lets go of what is kept, also while nothing happens but other databases' work.
  @Test func nothingIsRetainedForASlotThatIsIdle() async throws {
    let stage = try KeptStage()
    try await stage.run { service in
      let before = try service.metric("onhand_slot_kept_position_bytes")
      try TestCluster.database("CREATE TABLE other AS SELECT generate_series(1, 20000) AS n")
        .run("INSERT INTO other SELECT generate_series(1, 20000)")
      try wait("the slot to let go") {
        try service.metric("onhand_slot_kept_position_bytes") > before + 1_000_000
      }
    }
    try await stage.expectKept()
  }

  /// Compares, as soon as a step is visible, how many were told with how many were counted.
  private final class StepCount: ChangeListener {
    private struct State {
      var status: CaptureStatus?
      var expected = 0
      var told = 0
      var isBehind = false
    }

    private let state = Mutex(State())
    let needsFirstRows = false

    var told: Int { state.withLock { $0.told } }
    var isBehind: Bool { state.withLock { $0.isBehind } }

    func begin(_ status: CaptureStatus) {
      state.withLock {
        $0.status = status
        $0.expected = status.steps.value
      }
    }

    func viewsChanged(_ batch: borrowing ChangeBatch) {
      state.withLock {
        $0.expected += 1
        $0.told += 1
      }
    }

    func changesBecameVisible() {
      state.withLock { state in
        guard let status = state.status else { return }
        if status.steps.value < state.expected { state.isBehind = true }
      }
    }

    func viewsReplaced(_ directory: ViewDirectory, at position: Position) {}
  }

  /// Or a position would be noted as reached without a change, whose change was not counted yet.
  @Test func aStepIsCountedBeforeAnybodySeesIt() async throws {
    var random = SeededRandom()
    let stage = try KeptStage()
    let count = StepCount()
    try await TestService.run(stage.configuration, listener: count) { service in
      try service.waitUntilStreaming()
      count.begin(service.service.capture.status)
      try stage.change(&random, 100)
      try wait("steps") { count.told > 50 }
    }
    #expect(!count.isBehind)
  }

  /// The operators are as they were, and the rows beside them can't be brought back.
  @Test func operatorsWithoutRowsBeginWithASnapshot() async throws {
    var random = SeededRandom()
    var stage = try KeptStage()
    stage.configuration.retention.bytes = 1 << 20
    try await stage.run { _ in try stage.change(&random) }
    let checkpoint = try Data(contentsOf: stage.checkpoint)
    let log = stage.folder.path + ".log"
    do {
      let server = try ServeProcess(
        database: stage.configuration.database, views: stage.views, folder: stage.folder, log: log,
        environment: ["ONHAND_RETENTION": "{bytes: 1048576}"])
      defer { server.kill() }
      let client = try server.connect()
      for _ in 0..<4 {
        try stage.database.run("UPDATE place SET name = name || repeat('.', 1000)")
      }
      let lsn = try stage.database.run("SELECT onhand.position()")[0][0] ?? ""
      try wait("the change") {
        try client.get("/v1/views/low?min_position=\(lsn)&wait=1s").status == 200
      }
    }
    try #require(try Data(contentsOf: stage.checkpoint) == checkpoint, "there is a later one")
    let segments = try stage.segments
    try #require(segments.count > 1)
    for path in segments.dropLast() { try FileManager.default.removeItem(atPath: path) }
    let again = try await stage.run()
    #expect(again.has("checkpoint_behind_log") && again.has("views_not_restored"), "\(again.all)")
    try await stage.expectKept()
  }

  /// What is undecided is not in what was kept.
  @Test func aConnectionLostByAProcessThatHoldsBeginsWithASnapshot() async throws {
    let shop = try HoldShop()
    let folder = KeptFolder(shop.database)
    var configuration = shop.configuration
    configuration.dataDirectory = folder.path
    configuration.slot = folder.slot
    let log = RecordedLog()
    try await TestService.run(configuration, logger: log.logger) { service in
      let body = HoldShop.body(HoldShop.line(1, 4))
      let first = try service.client.post("/v1/holds", body)
      #expect(first.status == 201, "\(first.body)")
      try shop.database.run(
        """
        SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
        WHERE slot_name = '\(folder.slot)'
        """)
      try wait("the rule") { log.has("holds_in_flight") }
      try service.waitUntilStreaming()
      try service.waitUntilReady()
      // Six are left, and exactly six are found.
      let tooMany = try service.client.post("/v1/holds", HoldShop.body(HoldShop.line(1, 7)))
      #expect(tooMany.status == 409, "\(tooMany.body)")
      let rest = try service.client.post("/v1/holds", HoldShop.body(HoldShop.line(1, 6)))
      #expect(rest.status == 201, "\(rest.body)")
      try wait("a checkpoint") { log.has("checkpoint") }
    }
    // A start is another matter: what an earlier process held is restored.
    let next = RecordedLog()
    try await TestService.run(configuration, logger: next.logger) { service in
      try service.waitUntilStreaming()
      let none = try service.client.post("/v1/holds", HoldShop.body(HoldShop.line(1, 1)))
      #expect(none.status == 409, "\(none.body)")
    }
    #expect(next.has("resuming"), "\(next.all)")
  }
}

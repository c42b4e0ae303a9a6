import Capture
import Engine
import Gateway
import Synchronization
import Testing

/// What readers may rely on: whole transactions, their own writes, and nothing lost around a snapshot.
@Suite(.serialized)
struct ConsistencyTests {
  private static let stock = """
    CREATE TABLE moves (item int, place int, units int);
    INSERT INTO moves SELECT i, p, 1000 FROM generate_series(1, 20) i, generate_series(1, 2) p;
    CREATE VIEW stock AS SELECT item, place, sum(units) AS units FROM moves GROUP BY item, place;
    CREATE VIEW totals AS SELECT item, sum(units) AS units, count(*) AS places FROM stock
      GROUP BY item;
    """

  @Test func transferIsNeverSeenHalfDone() async throws {
    let database = try TestCluster.database(Self.stock)
    try await TestService.run(database.prepared(["stock", "totals"])) { service in
      let connection = Shared(try database.connect())
      let writer = Background { round in
        let item = 1 + round % 20
        try connection.value.execute(
          "INSERT INTO moves VALUES (\(item), 1, -7), (\(item), 2, 7)")
      }
      let port = service.service.port
      let readers = try (0..<2).map { _ in
        let client = Shared(try HTTPClient(port: port))
        return Background { _ in
          let rows = JSONRows.split(try client.value.get("/v1/views/stock/rows").body)
          let units = rows.compactMap(Self.units)
          #expect(rows.count == 40)
          #expect(units.reduce(0, +) == 40_000)
        }
      }
      pause(milliseconds: 3000)
      let transfers = try writer.stop()
      let reads = try readers.map { try $0.stop() }.reduce(0, +)
      #expect(transfers > 50 && reads > 50, "\(transfers) transfers, \(reads) reads")
      try ViewOracle(connection: try database.connect(), views: ["stock", "totals"])
        .expectEqual(service, "after \(transfers) transfers")
    }
  }

  private static func units(_ row: String) -> Int? {
    row.split(separator: ":").last.flatMap { Int($0.dropLast()) }
  }

  @Test(arguments: 1...8)
  func writersDuringBootstrapLoseAndDoubleNothing(run: Int) async throws {
    let database = try TestCluster.database(Self.stock)
    let configuration = try database.prepared(["stock", "totals"])
    let writers = try (0..<2).map { writer in
      let connection = Shared(try database.connect())
      return Background { round in
        try connection.value.execute(
          """
          BEGIN; INSERT INTO moves VALUES (\(1 + round % 30), \(writer + 1), \(round % 9));
          UPDATE moves SET units = units + 1 WHERE item = \(1 + round % 20) AND place = 1;
          DELETE FROM moves WHERE item > 20 AND units = 3; COMMIT
          """)
      }
    }
    try await TestService.run(configuration) { service in
      pause(milliseconds: UInt32(20 * run))
      for writer in writers { try writer.stop() }
      try ViewOracle(connection: try database.connect(), views: ["stock", "totals"])
        .expectEqual(service, "run \(run)")
    }
  }

  @Test(arguments: [false, true])
  func readWithMinPositionSeesTheCommit(underLoad: Bool) async throws {
    let database = try TestCluster.database(Self.stock)
    try await TestService.run(database.prepared(["stock", "totals"])) { service in
      let load = underLoad ? try Self.load(database) : nil
      let connection = try database.connect()
      for attempt in 1...1000 {
        try connection.execute("INSERT INTO moves VALUES (\(1000 + attempt), 1, \(attempt))")
        let position = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
        let answer = try service.client.get(
          "/v1/views/stock/rows/\(1000 + attempt),1?min_position=\(position)&wait=20s")
        try #require(
          answer.body.contains("\"units\":\(attempt)}"), "attempt \(attempt): \(answer.body)")
      }
      try load?.stop()
    }
  }

  private static func load(_ database: TestDatabase) throws -> Background {
    let connection = Shared(try database.connect())
    return Background { round in
      try connection.value.execute(
        "INSERT INTO moves SELECT 1 + i % 20, 2, 1 FROM generate_series(1, \(1 + round % 50)) i")
      // Below what a debug build can follow.
      pause(milliseconds: 5)
    }
  }

  @Test func feedTellsEveryChangeOnceAndInOrder() async throws {
    let database = try TestCluster.database(MovementSchema.own)
    let configuration = try database.prepared(MovementSchema.views)
    let recorder = FeedRecorder()
    try await TestService.run(configuration, listener: recorder) { service in
      var workload = MovementWorkload(seed: 4711)
      let connection = try database.connect()
      for _ in 0..<80 { try connection.execute(workload.transaction()) }
      let oracle = ViewOracle(connection: connection, views: MovementSchema.views)
      try oracle.expectEqual(service, "at the end")
      let visible = service.service.store.gate.visible
      let record = recorder.current
      #expect(record.mismatches.isEmpty, "\(record.mismatches.prefix(3))")
      #expect(record.changeCount > 100)
      for view in visible.views.views where view.hasKey {
        let told = Set((record.rows[view.name.name] ?? [:]).values)
        #expect(told == FeedRecorder.rows(of: view, at: visible.sequence), "\(view.name)")
      }
    }
  }

  @Test func lostServerLeavesOldRowsAndItsReturnPublishesTheDifference() async throws {
    try await TestCluster.withCluster { cluster in
      let database = try TestDatabase(on: cluster, name: "shop", Self.stock)
      let recorder = FeedRecorder()
      let configuration = try database.prepared(["stock", "totals"])
      try await TestService.run(configuration, listener: recorder) { service in
        let before = recorder.current.changeCount
        try cluster.kill()
        try wait("stale") { try service.client.get("/readyz").body.contains("stale_seconds") }
        let answer = try service.client.get("/v1/views/stock/rows/1,1")
        #expect(answer.status == 200)
        #expect(answer.fields["onhand-stale"] != nil)

        try cluster.start()
        try database.run("INSERT INTO moves VALUES (1, 1, 5)")
        try wait("streaming again") {
          try !service.client.get("/readyz").body.contains("stale_seconds")
        }
        let oracle = ViewOracle(connection: try database.connect(), views: ["stock", "totals"])
        try oracle.expectEqual(service, "after the restart")
        let record = recorder.current
        #expect(record.changeCount == before + 2, "one row of each view has changed")
        #expect(record.mismatches.isEmpty, "\(record.mismatches)")
      }
    }
  }
}

/// Lets one other thread use what is not made for several.
struct Shared<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

/// Waits, for half a minute at most unless told otherwise, until `condition` holds.
func wait(
  _ what: String, within time: Duration = .seconds(120), for condition: () throws -> Bool
) throws {
  let end = ContinuousClock.now + time
  while try !condition() {
    try #require(ContinuousClock.now < end, "waited in vain for: \(what)")
    pause()
  }
}

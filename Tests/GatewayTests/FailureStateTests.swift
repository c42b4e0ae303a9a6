import Capture
import Gateway
import Testing

/// What can be wrong with the database and its server: each has a name, and each ends when it is mended.
@Suite(.serialized)
struct FailureStateTests {
  private static let schema = """
    CREATE TABLE t (id int PRIMARY KEY, n int);
    INSERT INTO t SELECT i, i % 5 FROM generate_series(1, 40) i;
    CREATE VIEW v AS SELECT n, count(*) AS c FROM t GROUP BY n;
    """

  /// A cluster of its own with the schema, and what `onhand init` makes of it.
  private struct Shop {
    let cluster: PrivateCluster
    let database: TestDatabase
    let configuration: Configuration

    init(settings: [String] = []) throws {
      cluster = try TestCluster.template().makeCluster()
      try cluster.start(settings: settings)
      database = try TestDatabase(on: cluster, name: "shop", FailureStateTests.schema)
      configuration = try database.prepared(["v"])
    }

    func expectEqual(_ service: TestService, _ comment: String) throws {
      try service.waitUntilStreaming()
      try database.run("UPDATE t SET n = n + 1 WHERE id % 3 = 0")
      try ViewOracle(connection: database.connect(), views: ["v"]).expectEqual(service, comment)
    }
  }

  @Test func databaseThatIsDownAtStartIsWaitedFor() async throws {
    let shop = try Shop()
    try shop.cluster.stop()
    try await TestService.run(shop.configuration, waits: false) { service in
      try service.waitForFailure(.databaseUnreachable)
      #expect(try service.client.get("/readyz").status == 503)
      #expect(try service.client.get("/healthz").status == 200)
      // A browser comes back to a stream that ends, and never after another status than 200.
      let events = try HTTPClient(port: service.service.port).get(
        "/v1/views/v/changes", headers: ["Accept": "text/event-stream"])
      #expect(events.status == 200 && events.fields["content-type"] == "text/event-stream")
      try shop.cluster.start()
      try service.waitUntilReady()
      try shop.expectEqual(service, "after the start")
    }
    try shop.cluster.remove()
  }

  @Test func endedSessionIsNamedAndFollowedByAnother() async throws {
    let shop = try Shop()
    try await TestService.run(shop.configuration) { service in
      let before = try service.metric("onhand_bootstraps_total")
      try shop.database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = 'postgres'")
      try wait("another snapshot") { try service.metric("onhand_bootstraps_total") > before }
      #expect(
        try service.metric("onhand_capture_failures_total{state=\"connection_lost\"}") == 1)
      try shop.expectEqual(service, "after the session's end")
    }
    try shop.cluster.remove()
  }

  @Test func walLevelThatIsTooLowIsNamed() async throws {
    let shop = try Shop()
    try shop.cluster.stop()
    try shop.cluster.start(settings: ["wal_level=replica"])
    try await TestService.run(shop.configuration, waits: false) { service in
      try service.waitForFailure(.walLevelTooLow)
      try shop.cluster.stop()
      try shop.cluster.start()
      try service.waitUntilReady()
      try shop.expectEqual(service, "with wal_level=logical")
    }
    try shop.cluster.remove()
  }

  @Test func slotsThatAreAllTakenAreNamed() async throws {
    let shop = try Shop(settings: ["max_replication_slots=1"])
    try shop.database.run("SELECT pg_create_physical_replication_slot('taken')")
    try await TestService.run(shop.configuration, waits: false) { service in
      try service.waitForFailure(.noFreeSlot)
      try shop.database.run("SELECT pg_drop_replication_slot('taken')")
      try service.waitUntilReady()
      try shop.expectEqual(service, "with a free slot")
    }
    try shop.cluster.remove()
  }

  @Test func sendersThatAreAllTakenAreNamed() async throws {
    let shop = try Shop(settings: ["max_wal_senders=1"])
    var other: PostgresConnection? = try PostgresConnection(
      shop.database.conninfo, mode: .replication)
    try other?.execute("IDENTIFY_SYSTEM")
    try await TestService.run(shop.configuration, waits: false) { service in
      try service.waitForFailure(.noFreeConnection)
      other = nil
      try service.waitUntilReady()
      try shop.expectEqual(service, "with a free sender")
    }
    try shop.cluster.remove()
  }

  @Test func missingPrivilegesAreNamed() async throws {
    let shop = try Shop()
    try shop.database.run("CREATE ROLE reader LOGIN; GRANT SELECT ON t TO reader")
    var configuration = shop.configuration
    configuration.database += " user=reader"
    try await TestService.run(configuration, waits: false) { service in
      try service.waitForFailure(.accessDenied)
      try shop.database.run("ALTER ROLE reader REPLICATION; REVOKE SELECT ON t FROM reader")
      try wait("the table it may not read") {
        try service.client.get("/readyz").body.contains("permission denied for table t")
      }
      try shop.database.run("GRANT SELECT ON t TO reader")
      try service.waitUntilReady()
      try shop.expectEqual(service, "with the privileges")
    }
    try shop.cluster.remove()
  }

  @Test func slotCreationTellsForWhomItWaits() async throws {
    let shop = try Shop()
    var writer: PostgresConnection? = try shop.database.connect()
    try writer?.execute("BEGIN; INSERT INTO t VALUES (1000, 1)")
    let process = try #require(writer?.serverProcess)
    try await TestService.run(shop.configuration, waits: false) { service in
      try wait("the process it waits for") {
        try service.client.get("/readyz").body.contains("pid \(process)")
      }
      try writer?.execute("COMMIT")
      writer = nil
      try service.waitUntilReady()
      try shop.expectEqual(service, "after the long transaction")
    }
    try shop.cluster.remove()
  }

  @Test func hostileSettingsOfTheRoleChangeNothing() async throws {
    let shop = try Shop()
    let schema = """
      CREATE TABLE h (id int PRIMARY KEY, at timestamptz, day date, price numeric, f float8, e text);
      INSERT INTO h SELECT i, '2026-01-01 12:00+00'::timestamptz + i * interval '1 hour',
        '2026-03-01'::date + i, i / 7.0, i / 3.0::float8, 'it''s \\ é' FROM generate_series(1, 20) i;
      CREATE VIEW hv AS SELECT e, day, max(at) AS at, sum(price) AS price, max(f) AS f FROM h
        WHERE e = 'it''s \\ é' GROUP BY e, day;
      """
    try shop.database.run(schema)
    let settings = [
      "DateStyle = 'SQL, DMY'", "IntervalStyle = sql_standard", "TimeZone = 'Asia/Kathmandu'",
      "extra_float_digits = -10", "bytea_output = escape", "search_path = 'nowhere'",
      "statement_timeout = '1ms'", "lock_timeout = '1ms'", "client_encoding = LATIN1",
      "idle_in_transaction_session_timeout = '1ms'", "default_transaction_read_only = on",
      "default_transaction_isolation = serializable", "standard_conforming_strings = off",
      "row_security = off", "quote_all_identifiers = on", "array_nulls = off",
      "client_min_messages = debug5",
    ]
    let configuration = try shop.database.prepared(["v", "hv"])
    for setting in settings { try shop.database.run("ALTER ROLE postgres SET \(setting)") }
    try await TestService.run(configuration) { service in
      try shop.database.run(
        "INSERT INTO h VALUES (100, '2026-05-05 00:00+00', '2026-05-05', 1.50, 0.1, 'it''s \\ é')")
      try ViewOracle(connection: shop.database.connect(), views: ["v", "hv"])
        .expectEqual(service, "under hostile settings")
    }
    try shop.cluster.remove()
  }

  @Test func largeTransactionKeepsTheSenderPatient() async throws {
    let shop = try Shop(settings: ["wal_sender_timeout=1s"])
    try await TestService.run(shop.configuration) { service in
      try shop.database.run(
        "INSERT INTO t SELECT i, i % 9 FROM generate_series(1000, 400000) i; UPDATE t SET n = n + 1"
      )
      try shop.expectEqual(service, "after the large transaction")
      #expect(try service.metric("onhand_bootstraps_total") == 1)
    }
    try shop.cluster.remove()
  }

  @Test func idleViewsRetainNoLogOfOthers() async throws {
    let shop = try Shop(settings: ["max_wal_size=1GB"])
    try shop.database.run("CREATE TABLE unrelated (id bigint, filler text)")
    try await TestService.run(shop.configuration) { service in
      for _ in 0..<20 {
        try shop.database.run(
          """
          INSERT INTO unrelated SELECT i, repeat('x', 900) FROM generate_series(1, 60000) i;
          TRUNCATE unrelated
          """)
      }
      try wait("retained log below 64 MB") {
        // Without it the server notes once in 15 s which transactions run, before which no slot moves.
        try shop.database.run("CHECKPOINT")
        let retained = try shop.database.run(
          """
          SELECT (pg_current_wal_lsn() - restart_lsn) < 64 * 1024 * 1024,
            pg_current_wal_lsn() - '0/0'::pg_lsn > 1000 * 1024 * 1024
          FROM pg_replication_slots
          """)
        #expect(retained.first?[1] == "t", "too little was written to tell")
        return retained.first?[0] == "t"
      }
      try shop.expectEqual(service, "after the idle time")
    }
    try shop.cluster.remove()
  }

  @Test func rewrittenAppendOnlyTableDegradesItsViewsByName() async throws {
    let database = try TestCluster.database(
      Self.schema + """
        CREATE TABLE facts (n int); INSERT INTO facts SELECT i % 3 FROM generate_series(1, 9) i;
        CREATE VIEW f AS SELECT n, count(*) AS c FROM facts GROUP BY n;
        """)
    var configuration = try database.prepared(["v"])
    configuration.views = [.init(name: "v"), .init(name: "f")]
    configuration.appendOnly = ["facts"]
    let initializer = try Initializer(configuration.capture)
    try initializer.run(initializer.statements())
    try await TestService.run(configuration) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["v", "f"])
      try oracle.connection.execute("INSERT INTO facts VALUES (1), (2)")
      try oracle.expectEqual(service, "while only inserted into")
      // The first look takes the count from which on it is compared.
      pause(milliseconds: 1500)
      try database.run("DELETE FROM facts WHERE n = 1")
      try wait("degraded") {
        let views = try service.client.get("/v1/views").body
        return views.contains("degraded") && views.contains("append_only")
      }
      #expect(try service.client.get("/v1/views/f/rows").status == 503)
      try ViewOracle(connection: oracle.connection, views: ["v"])
        .expectEqual(service, "beside it")
    }
  }

  @Test func failingRowIsNamedUntilItIsMended() async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE p (id int PRIMARY KEY, n int, d int); INSERT INTO p VALUES (1, 6, 2), (2, 5, 1);
      CREATE TABLE q (k int PRIMARY KEY, name text); INSERT INTO q VALUES (3, 'three'), (5, 'five');
      CREATE VIEW ratio AS SELECT id, n / d AS r FROM p;
      CREATE VIEW joined AS SELECT p.id, q.name FROM p JOIN q ON p.n / p.d = q.k;
      """)
    try await TestService.run(database.prepared(["ratio", "joined"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["ratio", "joined"])
      try oracle.expectEqual(service, "before")
      try database.run("UPDATE p SET d = 0 WHERE id = 1; INSERT INTO p VALUES (3, 10, 2)")
      let lsn = try #require(try oracle.connection.execute("SELECT onhand.position()")[0][0])
      for view in ["ratio", "joined"] {
        let rows = try service.client.get("/v1/views/\(view)/rows?min_position=\(lsn)")
        #expect(
          rows.status >= 500 && rows.body.contains("division by zero"),
          "status \(rows.status): \(rows.body)")
      }
      #expect(try service.client.get("/v1/views/ratio/rows/2").status == 200)
      try database.run("UPDATE p SET d = 2 WHERE id = 1")
      try oracle.expectEqual(service, "mended")
    }
  }
}

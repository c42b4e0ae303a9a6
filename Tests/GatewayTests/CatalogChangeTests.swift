import Capture
import Testing

/// What happens to the catalogs while views are served, most of which leaves no row in the log.
@Suite(.serialized)
struct CatalogChangeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let change: String
    /// Whether the tables are read anew.
    var isReadAnew = true
    var testDescription: String { name }
  }

  /// `other` reads a table that no case touches.
  private static let schema = """
    CREATE TYPE kind AS ENUM ('a', 'b');
    CREATE TABLE t (id int PRIMARY KEY, n int, m int, unused text, k kind NOT NULL DEFAULT 'a');
    CREATE TABLE o (id int PRIMARY KEY, n int);
    INSERT INTO t SELECT i, i % 5, i % 7, 'x', CASE i % 3 WHEN 0 THEN 'a' ELSE 'b' END::kind
      FROM generate_series(1, 40) i;
    INSERT INTO o SELECT i, i FROM generate_series(1, 10) i;
    ALTER TABLE t REPLICA IDENTITY FULL;
    CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n;
    CREATE VIEW w AS SELECT id, m FROM t WHERE n > 1;
    CREATE VIEW other AS SELECT n % 3 AS r, count(*) AS c FROM o GROUP BY 1;
    """

  private static let healed = [
    Case(
      name: "columns exchange their names",
      change: """
        ALTER TABLE t RENAME n TO x; ALTER TABLE t RENAME m TO n; ALTER TABLE t RENAME x TO m;
        INSERT INTO t VALUES (101, 3, 4)
        """),
    Case(
      name: "a replica identity is lowered",
      change: """
        ALTER TABLE t REPLICA IDENTITY DEFAULT; DELETE FROM t WHERE id % 2 = 0;
        UPDATE t SET n = 9 WHERE id = 1
        """),
    Case(
      name: "a column is computed anew",
      change: """
        BEGIN; DROP VIEW v; DROP VIEW w; ALTER TABLE t ALTER m TYPE int USING m * 2;
        CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n;
        CREATE VIEW w AS SELECT id, m FROM t WHERE n > 1; COMMIT
        """),
    Case(
      name: "a column gets another type",
      change: """
        BEGIN; DROP VIEW v; DROP VIEW w; ALTER TABLE t ALTER m TYPE bigint;
        CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n;
        CREATE VIEW w AS SELECT id, m FROM t WHERE n > 1; COMMIT;
        INSERT INTO t VALUES (102, 2, 5000000000)
        """),
    Case(
      name: "a used column makes room for another of its name",
      change: """
        BEGIN; DROP VIEW v; DROP VIEW w; ALTER TABLE t DROP m; ALTER TABLE t ADD m int DEFAULT 3;
        CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n;
        CREATE VIEW w AS SELECT id, m FROM t WHERE n > 1; COMMIT
        """),
    Case(name: "an enum's label is renamed", change: "ALTER TYPE kind RENAME VALUE 'a' TO 'z'"),
    Case(
      name: "a view is replaced",
      change: "CREATE OR REPLACE VIEW w AS SELECT id, m FROM t WHERE n > 2"),
    Case(
      name: "a view is dropped and made again with other columns",
      change: "DROP VIEW w; CREATE VIEW w AS SELECT id, m, n FROM t"),
    Case(
      name: "an unused column is dropped",
      change: "ALTER TABLE t DROP unused; INSERT INTO t VALUES (105, 1, 1)"),
    Case(
      name: "an unused column is added",
      change: "ALTER TABLE t ADD fresh int DEFAULT 7; INSERT INTO t VALUES (103, 1, 1)",
      isReadAnew: false),
    Case(
      name: "an index is made",
      change: "CREATE UNIQUE INDEX ON t (id, n); INSERT INTO t VALUES (104, 1, 1)",
      isReadAnew: false),
    Case(
      name: "a table is truncated and filled again",
      change: "BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, 2, 3), (2, 2, 4); COMMIT",
      isReadAnew: false),
    Case(
      name: "a table is written anew as it is",
      change: "VACUUM FULL t", isReadAnew: false),
  ]

  @Test(arguments: healed)
  func viewsFollow(_ change: Case) async throws {
    let database = try TestCluster.database(Self.schema)
    try await TestService.run(database.prepared(["v", "w", "other"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["v", "w", "other"])
      try oracle.expectEqual(service, "before")
      try oracle.connection.execute(change.change)
      // The watch looks once a second; twice, so that what must not happen has had its time.
      pause(milliseconds: 2500)
      try service.waitUntilStreaming()
      try oracle.expectEqual(service, change.name)
      let bootstraps = try service.metric("onhand_bootstraps_total")
      #expect(change.isReadAnew ? bootstraps > 1 : bootstraps == 1, "\(bootstraps) bootstraps")
      // What follows arrives as before.
      try oracle.connection.execute(
        "UPDATE t SET n = n + 1 WHERE id < 9; DELETE FROM o WHERE id = 3")
      try oracle.expectEqual(service, "afterwards")
    }
  }

  /// The label is in use before the watch looks at the catalogs.
  @Test func anAddedLabelHasItsPlaceAmongTheOthers() async throws {
    let database = try TestCluster.database(Self.schema)
    try await TestService.run(database.prepared(["v", "w", "other"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["v", "w", "other"])
      try oracle.connection.execute("ALTER TYPE kind ADD VALUE 'ab' BEFORE 'b'")
      try oracle.connection.execute(
        "INSERT INTO t SELECT i, i % 5, 1, 'x', 'ab' FROM generate_series(201, 210) i")
      try oracle.expectEqual(service, "in use at once")
      try wait("known to filters") {
        try service.client.get("/v1/views/v/rows?k=eq.ab").status == 200
      }
      try service.waitUntilStreaming()
      try oracle.connection.execute("UPDATE t SET k = 'ab' WHERE id < 5")
      try oracle.expectEqual(service, "afterwards")
      for condition in ["k < 'b'", "k <= 'ab'", "k > 'a'", "k >= 'ab'", "k = 'ab'"] {
        let expected = try oracle.connection.execute(
          "SELECT count(*) FROM v WHERE \(condition)")[0]
        let parts = condition.split(separator: " ")
        let names = ["<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "=": "eq"]
        let filter = "\(names["\(parts[1])"] ?? "").\(parts[2].dropFirst().dropLast())"
        let rows = JSONRows.split(try service.client.get("/v1/views/v/rows?k=\(filter)").body)
        #expect("\(rows.count)" == expected[0], "\(condition)")
      }
      let ordered = JSONRows.split(
        try service.client.get("/v1/views/v/rows?order=k&select=k").body)
      let expected = try oracle.connection.execute(
        "SELECT to_json(r)::text FROM (SELECT k FROM v ORDER BY v.k) r")
      #expect(ordered == expected.compactMap { $0[0] })
    }
  }

  private static let partitions = [
    Case(
      name: "a partition is made and filled",
      change: """
        CREATE TABLE sales_0 PARTITION OF sales FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
        INSERT INTO sales (id, day, item, qty) VALUES (900, '2025-12-24', 'item 1', 7)
        """),
    Case(
      name: "a table with rows is attached",
      change: """
        CREATE TABLE sales_0 (LIKE sales INCLUDING ALL);
        INSERT INTO sales_0 (id, day, item, qty) VALUES (900, '2025-12-24', 'item 1', 7);
        ALTER TABLE sales ATTACH PARTITION sales_0 FOR VALUES FROM ('2025-12-01') TO ('2026-01-01')
        """),
    Case(name: "a partition is detached", change: "ALTER TABLE sales DETACH PARTITION sales_1"),
    Case(name: "a partition is dropped", change: "DROP TABLE sales_2"),
    Case(name: "a leaf below a partition is dropped", change: "DROP TABLE sales_3a"),
  ]

  @Test(arguments: partitions)
  func viewsFollowPartitions(_ change: Case) async throws {
    let database = try TestCluster.database(StockShapes.sql)
    try await TestService.run(database.prepared(["daily", "recent"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["daily", "recent"])
      try oracle.connection.execute(change.change)
      try wait("another snapshot") { try service.metric("onhand_bootstraps_total") > 1 }
      try service.waitUntilStreaming()
      try oracle.expectEqual(service, change.name)
      try oracle.connection.execute("UPDATE sales SET qty = qty + 1")
      try oracle.expectEqual(service, "afterwards")
    }
  }

  struct Obstacle: Sendable, CustomTestStringConvertible {
    let name: String
    let obstacle: String
    /// What the reason must say.
    let reason: String
    let remedy: String
    var testDescription: String { name }
  }

  private static let obstacles = [
    Obstacle(
      name: "a view is dropped", obstacle: "DROP VIEW v", reason: "it does not exist",
      remedy: "CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n"),
    Obstacle(
      name: "a table and its views are dropped", obstacle: "DROP TABLE t CASCADE",
      reason: "it does not exist",
      remedy: """
        BEGIN; CREATE TABLE t (id int PRIMARY KEY, n int, m int, k kind NOT NULL DEFAULT 'b');
        INSERT INTO t VALUES (1, 2, 3), (2, 2, 5);
        CREATE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t GROUP BY k, n;
        CREATE VIEW w AS SELECT id, m FROM t WHERE n > 1;
        ALTER PUBLICATION onhand ADD TABLE t; COMMIT
        """),
    Obstacle(
      name: "a view becomes one that can't be followed",
      obstacle: "CREATE OR REPLACE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t "
        + "GROUP BY k, n LIMIT 3", reason: "LIMIT",
      remedy: "CREATE OR REPLACE VIEW v AS SELECT k, n, count(*) AS c, sum(m) AS s FROM t "
        + "GROUP BY k, n"),
    Obstacle(
      name: "a child inherits", obstacle: "CREATE TABLE child () INHERITS (t)",
      reason: "inheritance", remedy: "DROP TABLE child"),
    Obstacle(
      name: "row security is enabled for a view's owner",
      obstacle: """
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;
        DO $$ BEGIN IF to_regrole('clerk') IS NULL THEN CREATE ROLE clerk; END IF; END $$;
        GRANT SELECT ON t TO clerk; GRANT CREATE ON SCHEMA public TO clerk; ALTER VIEW v OWNER TO clerk
        """, reason: "row security",
      remedy: "ALTER TABLE t DISABLE ROW LEVEL SECURITY"),
    Obstacle(
      name: "a publication loses a table",
      obstacle: "ALTER PUBLICATION onhand DROP TABLE t; DELETE FROM t WHERE id < 20",
      reason: "does not publish", remedy: "ALTER PUBLICATION onhand ADD TABLE t"),
    Obstacle(
      name: "a publication gets a row filter",
      obstacle:
        "ALTER PUBLICATION onhand SET TABLE o, t WHERE (n > 1); DELETE FROM t WHERE id < 20",
      reason: "row filter", remedy: "ALTER PUBLICATION onhand SET TABLE o, t"),
    Obstacle(
      name: "a publication gets a column list",
      obstacle: "ALTER TABLE t REPLICA IDENTITY DEFAULT; "
        + "ALTER PUBLICATION onhand SET TABLE o, t (id, n, m)",
      reason: "not published", remedy: "ALTER PUBLICATION onhand SET TABLE o, t"),
    Obstacle(
      name: "a table becomes unlogged",
      obstacle: "ALTER PUBLICATION onhand DROP TABLE t; ALTER TABLE t SET UNLOGGED",
      reason: "unlogged",
      remedy: "ALTER TABLE t SET LOGGED; ALTER PUBLICATION onhand ADD TABLE t"),
  ]

  @Test(arguments: obstacles)
  func viewsThatCanNotFollowAreDegradedByName(_ obstacle: Obstacle) async throws {
    let database = try TestCluster.database(Self.schema)
    try await TestService.run(database.prepared(["v", "w", "other"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["v", "w", "other"])
      try oracle.connection.execute(obstacle.obstacle)
      try wait("degraded") {
        let view = try service.client.get("/v1/views").body
        return view.contains("degraded") && view.contains(obstacle.reason)
      }
      let answer = try service.client.get("/v1/views/v/rows")
      #expect(answer.status == 503 && answer.body.contains(obstacle.reason), "\(answer.body)")
      // The others go on.
      try service.waitUntilStreaming()
      try oracle.connection.execute("UPDATE o SET n = n + 1")
      try ViewOracle(connection: oracle.connection, views: ["other"])
        .expectEqual(service, "beside \(obstacle.name)")

      try oracle.connection.execute(obstacle.remedy)
      try wait("mended") {
        try !service.client.get("/v1/views").body.contains("degraded")
      }
      try service.waitUntilStreaming()
      try oracle.expectEqual(service, "after \(obstacle.name)")
    }
  }

  @Test func lostPublicationIsNamedAndItsReturnTakesANewSlot() async throws {
    let database = try TestCluster.database(Self.schema)
    try await TestService.run(database.prepared(["v", "other"])) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: ["v", "other"])
      try oracle.connection.execute("DROP PUBLICATION onhand; UPDATE t SET n = n + 1")
      try wait("refused") { try service.client.get("/readyz").body.contains("it does not exist") }
      try oracle.connection.execute("CREATE PUBLICATION onhand FOR ALL TABLES")
      try service.waitUntilStreaming()
      try oracle.expectEqual(service, "with the new publication")
      #expect(
        try service.metric("onhand_capture_failures_total{state=\"refused\"}") > 0)
    }
  }
}

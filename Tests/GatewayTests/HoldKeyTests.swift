import Capture
import Engine
import Foundation
import Testing

@testable import Gateway
@testable import Holds

/// Holds of items that are named by one, two and three columns of several types, from the stock view to the settled hold.
@Suite(.serialized)
struct HoldKeyTests {
  @Test(arguments: HoldKeyShape.all)
  func aHoldIsTakenExplainedAndSettled(shape: HoldKeyShape) async throws {
    let (database, configuration) = try shape.prepared()
    try await TestService.run(configuration) { service in
      let taken = try service.client.post("/v1/holds", HoldKeyShape.body(shape.line, 3))
      #expect(taken.status == 201, "\(taken.body)")
      let line = #"{\#(shape.line),"requested":3,"quantity":3}"#
      #expect(taken.body.contains(line), "\(taken.body)")
      let id = try #require(taken["hold_id"])
      let shown = try service.client.get("/v1/holds/\(id)")
      #expect(
        shown.body.replacing("1.50", with: "1.5").contains(line.replacing("1.50", with: "1.5")))

      let refused = try service.client.post("/v1/holds", HoldKeyShape.body(shape.line, 8))
      #expect(refused.status == 409)
      #expect(
        refused.body.contains(#"{\#(shape.line),"requested":8,"available":7}"#), "\(refused.body)")

      let all = try service.client.get("/v1/availability/\(shape.path)")
      #expect(all["available"] == "7", "\(all.body)")
      let item = shape.path.split(separator: "/")[0]
      let everywhere = try service.client.get("/v1/availability/\(item)")
      #expect(everywhere["available"].flatMap { Int($0) } ?? 0 >= 7, "\(everywhere.body)")
      let explained = try service.client.get("/v1/availability/\(shape.path)?explain=true")
      #expect(explained["available"] == "7" && explained.body.contains(id), "\(explained.body)")

      try database.run(
        """
        BEGIN;
        UPDATE bins SET units = units - 3 WHERE \(shape.condition);
        SELECT onhand.settle('\(id)');
        COMMIT
        """)
      let position = try database.run("SELECT onhand.position()")[0][0] ?? ""
      let row = try service.client.get(
        "/v1/views/for_sale/rows/\(shape.rowPath)?min_position=\(position)&wait=10s")
      #expect(row["on_hand"] == "7" && row["held"] == "0" && row["available"] == "7", "\(row.body)")
      #expect(try service.client.get("/v1/holds/\(id)")["status"] == "settled")
      try ViewOracle(connection: database.connect(), views: ["for_sale"]).expectEqual(service, "")
    }
  }

  @Test(arguments: HoldKeyShape.all)
  func whatIsHeldIsVerified(shape: HoldKeyShape) async throws {
    let (database, configuration) = try shape.prepared()
    try await TestService.run(configuration) { service in
      for line in [shape.line, shape.other] {
        let taken = try service.client.post("/v1/holds", HoldKeyShape.body(line, 2))
        #expect(taken.status == 201, "\(taken.body)")
      }
    }
    let verifier = VerifierTests()
    try await verifier.follow(configuration) {
      let report = try verifier.verify($0, database, rows: 100)
      #expect(report.checked >= 4 && report.differences == [], "\(report)")
    }
  }

  /// A key sent again to another process, and a hold put in the place of another: what is read back from the tables is the key.
  @Test(arguments: HoldKeyShape.all)
  func keysAreFoundAgainInTheTables(shape: HoldKeyShape) async throws {
    let (database, configuration) = try shape.prepared()
    let key = ["Idempotency-Key": "k"]
    let body = #"{"lines":[{\#(shape.line),"quantity":6}],"reference":"cart"}"#
    var id: String?
    try await TestService.run(configuration) { service in
      id = try service.client.post("/v1/holds", body, headers: key)["hold_id"]
    }
    try database.run("UPDATE onhand.holds SET created_at = created_at - interval '1 h'")
    try await TestService.run(configuration) { service in
      let again = try service.client.post("/v1/holds", body, headers: key)
      #expect(again.status == 200 && again["hold_id"] == id, "\(again.body)")
      let replacing = try service.client.post(
        "/v1/holds", #"{"lines":[{\#(shape.line),"quantity":10}],"reference":"cart"}"#)
      #expect(replacing.status == 201, "\(replacing.body)")
      try wait("released") {
        try service.client.get("/v1/holds/\(id ?? "")")["status"] == "released"
      }
    }
  }

  /// Clients in any order of the lines, for as many units as there are: each unit once.
  @Test(arguments: HoldKeyShape.all)
  func manyAtOnceGetWhatIsThere(shape: HoldKeyShape) async throws {
    let (database, configuration) = try shape.prepared()
    try await TestService.run(configuration) { service in
      let port = service.service.port
      let (line, other) = (shape.line, shape.other)
      let taken = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<8 {
          group.addTask {
            let client = try HTTPClient(port: port)
            let members = number % 2 == 0 ? [line, other] : [other, line]
            let lines = members.map { #"{\#($0),"quantity":1}"# }.joined(separator: ",")
            return try (0..<4).count { _ in
              try client.post("/v1/holds", #"{"lines":[\#(lines)]}"#).status == 201
            }
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(taken == 10)
      let held = try database.run(
        "SELECT min(held), max(held), count(*) FROM for_sale WHERE held > 0")
      #expect(held[0] == ["10", "10", "2"])
    }
  }

  /// However many holds there have been: neither the lines nor the paid ones are gone through.
  @Test(arguments: HoldKeyShape.all)
  func anExplanationLooksUpItsLines(shape: HoldKeyShape) throws {
    let (database, _) = try shape.prepared()
    let connection = try database.connect()
    let names = shape.key.map { PostgresConnection.quote($0.name) }.joined(separator: ", ")
    let columns = shape.key.map { PostgresConnection.quote($0.column) }.joined(separator: ", ")
    try connection.execute(
      """
      INSERT INTO onhand.holds (id, status, caller, request_digest, units, instance, expires_at, confirmed_at)
      SELECT md5(i::text)::uuid, CASE WHEN i % 100 = 0 THEN 'confirmed' ELSE 'settled' END, '', '', 1,
        md5('')::uuid, now(), now()
      FROM generate_series(1, 20000) i;
      INSERT INTO onhand.hold_lines (hold_id, line, requested, quantity, status, \(names))
      SELECT h.id, n, 1, 1, h.status, \(columns) FROM onhand.holds h, (
        SELECT row_number() OVER () AS n, * FROM bins) b;
      ANALYZE onhand.holds, onhand.hold_lines
      """)
    let types = try columnTypes(connection)
    let key = HoldKeyColumns(
      shape.key.map { HoldKeyColumns.Column(name: $0.name, type: types[$0.name] ?? "?") })
    let row = try connection.execute(
      "SELECT \(shape.key.map { "\(PostgresConnection.quote($0.column))::text" }.joined(separator: ", ")) FROM bins WHERE \(shape.condition)"
    )[0]
    let values = row.map { PostgresConnection.quote(literal: $0 ?? "") }.joined(separator: ", ")
    try connection.execute("PREPARE explaining AS \(PreparedStatement.explain(key).sql)")
    for mode in ["force_custom_plan", "force_generic_plan"] {
      try connection.execute("SET plan_cache_mode = \(mode)")
      let plan = try connection.execute("EXPLAIN EXECUTE explaining (\(values))")
        .compactMap { $0[0] }.joined(separator: "\n")
      #expect(plan.contains("hold_lines_key"), "\(plan)")
      #expect(!plan.contains("Seq Scan on hold_lines"), "\(plan)")
    }
    let unsettled = try connection.execute("EXPLAIN \(PreparedStatement.unsettled.sql)")
      .compactMap { $0[0] }.joined(separator: "\n")
    #expect(unsettled.contains("holds_unsettled"), "\(unsettled)")
  }

  private func columnTypes(_ connection: PostgresConnection) throws -> [String: String] {
    let rows = try connection.execute(
      """
      SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
      WHERE attrelid = 'onhand.hold_lines'::regclass AND attnum > 0
      """)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0[1] ?? "") })
  }

  /// Tables as an earlier `init` left them: `serve` says what to do, and `init` does it.
  @Test func tablesOfAnEarlierVersionAreBroughtUp() throws {
    let shop = try HoldShop()
    try shop.database.run(
      """
      ALTER TABLE onhand.holds DROP COLUMN is_pending;
      DROP INDEX onhand.holds_unsettled, onhand.hold_lines_key;
      COMMENT ON TABLE onhand.holds IS 'Units set aside at checkout; version 1'
      """)
    let old = #expect(throws: (any Error).self) {
      try CompiledViews.check(shop.configuration.capture)
    }
    #expect("\(old as Any)".contains("run `onhand init`"), "\(old as Any)")
    let statements = try Initializer(shop.configuration.capture).prepare()
    #expect(statements.contains { $0.contains("hold_lines_key") }, "\(statements)")
    try CompiledViews.check(shop.configuration.capture)
    #expect(try Initializer(shop.configuration.capture).prepare() == [])
  }

  @Test(arguments: ["real", "character(3)", "timestamp with time zone", "boolean", "json"])
  func aKeyOfAnotherTypeIsRefusedByName(type: String) throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE bins (sku text PRIMARY KEY, units int NOT NULL);
      CREATE VIEW goods AS SELECT NULL::\(type) AS sku, units AS on_hand FROM bins;
      """)
    var capture = CaptureConfiguration(
      conninfo: database.conninfo, views: [CaptureConfiguration.View(name: "for_sale")],
      holds: HoldInstallation(
        view: "for_sale",
        columns: AvailabilityColumns(
          item: "sku", onHand: "on_hand", held: "held", available: "available")))
    capture.holds?.stock = "goods"
    let refusal = #expect(throws: (any Error).self) { try Initializer(capture).prepare() }
    #expect("\(refusal as Any)".contains("sku is of type"), "\(refusal as Any)")
  }
}

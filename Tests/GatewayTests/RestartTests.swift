import Addresses
import Capture
import Engine
import Foundation
import Logging
import TestSupport
import Testing

@testable import Gateway

/// A service that is stopped and started again over one folder, beside what Postgres says.
@Suite(.serialized)
struct RestartTests {
  private static let schema = """
    CREATE TABLE stock (item int, place int, units int, PRIMARY KEY (item, place));
    ALTER TABLE stock REPLICA IDENTITY FULL;
    INSERT INTO stock SELECT i, p, 10 FROM generate_series(1, 20) i, generate_series(1, 3) p;
    CREATE VIEW totals AS SELECT item, sum(units) AS units FROM stock GROUP BY item;
    CREATE VIEW low AS SELECT item, place, units FROM stock WHERE units < 5;
    """

  private struct Stage {
    let database: TestDatabase
    let folder: KeptFolder
    var configuration: Configuration

    init() throws {
      database = try TestCluster.database(RestartTests.schema)
      configuration = try database.prepared(["totals", "low"])
      folder = KeptFolder(database)
      configuration.dataDirectory = folder.path
      configuration.slot = folder.slot
    }

    func oracle() throws -> ViewOracle {
      ViewOracle(connection: try database.connect(), views: ["totals", "low"])
    }
  }

  private static func position(_ service: TestService, _ lsn: String) throws -> String {
    let response = try service.client.get("/v1/views/totals?min_position=\(lsn)&wait=30s")
    return try #require(response.fields["onhand-position"], "\(response.body)")
  }

  private static func waitForCheckpoint(_ service: TestService) throws {
    try wait("a checkpoint") { try service.metric("onhand_checkpoints_total") > 0 }
  }

  /// The rows that somebody has who knew `rows` and follows all pages behind a position.
  private static func follow(
    _ service: TestService, _ view: String, _ rows: [String: String], after position: String
  ) throws -> (rows: [String: String], position: String)? {
    var (rows, position) = (rows, position)
    while true {
      let response = try service.client.get(
        "/v1/views/\(view)/changes?after=\(position)&limit=7")
      if response.status == 410 { return nil }
      try #require(response.status == 200, "\(response.body)")
      let page = try #require(
        try JSONSerialization.jsonObject(with: Data(response.body.utf8)) as? [String: Any])
      for change in try #require(page["changes"] as? [[String: Any]]) {
        let row = change["row"] as? [String: Any]
        let named = try #require(row ?? change["key"] as? [String: Any])
        let name = "\(named["item"] ?? "")/\(named["place"] ?? "")"
        rows[name] = row.map { "\($0["units"] ?? "")" }
      }
      position = try #require(page["position"] as? String)
      if page["more"] as? Bool == false { return (rows, position) }
    }
  }

  private static func rows(_ service: TestService, _ view: String) throws -> [String: String] {
    let response = try service.client.get("/v1/views/\(view)/rows?limit=10000")
    let body = try #require(
      try JSONSerialization.jsonObject(with: Data(response.body.utf8)) as? [String: Any])
    var rows: [String: String] = [:]
    for row in try #require(body["rows"] as? [[String: Any]]) {
      rows["\(row["item"] ?? "")/\(row["place"] ?? "")"] = "\(row["units"] ?? "")"
    }
    return rows
  }

  private static func change(_ connection: PostgresConnection, _ random: inout SeededRandom) throws
  {
    let (item, place) = (random.number(1...25), random.number(1...3))
    switch random.number(0...3) {
    case 0: try connection.execute("DELETE FROM stock WHERE item = \(item) AND place = \(place)")
    case 1:
      try connection.execute(
        """
        UPDATE stock SET units = units + \(random.number(-3...3))
        WHERE item BETWEEN \(item) AND \(item + 3)
        """)
    default:
      try connection.execute(
        """
        INSERT INTO stock VALUES (\(item), \(place), \(random.number(0...20)))
        ON CONFLICT (item, place) DO UPDATE SET units = excluded.units
        """)
    }
  }

  /// Whoever had the rows at some position before restarts has, following the changes, what is there after them.
  @Test func changesAreFollowedOverRestarts() async throws {
    var random = SeededRandom()
    let stage = try Stage()
    let connection = try stage.database.connect()
    var known: [(position: String, rows: [String: String])] = []
    for round in 0..<5 {
      try await TestService.run(stage.configuration) { service in
        try service.waitUntilStreaming()
        try stage.oracle().expectEqual(service, "round \(round)")
        for _ in 0..<30 {
          try Self.change(connection, &random)
          guard random.oneIn(4) else { continue }
          let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
          known.append((try Self.position(service, lsn), try Self.rows(service, "low")))
        }
        let (lsn, _) = try stage.oracle().rows()
        _ = try Self.position(service, lsn)
        let expected = try Self.rows(service, "low")
        for (position, rows) in known {
          let followed = try #require(
            try Self.follow(service, "low", rows, after: position),
            "round \(round), after \(position)")
          try #require(followed.rows == expected, "round \(round), after \(position)")
        }
        if round == 0 { try Self.waitForCheckpoint(service) }
      }
      // What happens while nobody looks.
      for _ in 0..<random.number(0...20) { try Self.change(connection, &random) }
      if round == 2 { try connection.execute("DELETE FROM stock WHERE item < 9") }
    }
  }

  @Test func whatWasPublishedLastIsServedBeforeTheDatabaseIsThere() async throws {
    let stage = try Stage()
    var rows: [String: String] = [:]
    var position = ""
    try await TestService.run(stage.configuration) { service in
      try Self.waitForCheckpoint(service)
      let connection = try stage.database.connect()
      try connection.execute("UPDATE stock SET units = 1 WHERE item = 7")
      let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      position = try Self.position(service, lsn)
      rows = try Self.rows(service, "low")
      try #require(rows.count == 3)
    }
    var absent = stage.configuration
    absent.database = "host=/nonexistent dbname=x"
    try await TestService.run(absent) { service in
      #expect(try Self.rows(service, "low") == rows)
      let response = try service.client.get("/v1/views/low/rows")
      #expect(response.fields["onhand-stale"] != nil)
      let served = try #require(response.fields["onhand-position"].flatMap(Position.init))
      let told = try #require(Position(position))
      #expect(served.epoch == told.epoch && served.lsn >= told.lsn)
    }
  }

  /// At first the difference is at hand; once it is not, the log has nothing of a view that was something else.
  @Test func aViewRedefinedMeanwhileIsToldAsADifferenceOrAnewAndOthersGoOn() async throws {
    let stage = try Stage()
    var position = ""
    var rows: [String: String] = [:]
    try await TestService.run(stage.configuration) { service in
      try Self.waitForCheckpoint(service)
      try service.waitUntilStreaming()
      let lsn = try stage.database.run("SELECT onhand.position()")[0][0] ?? ""
      position = try Self.position(service, lsn)
      rows = try Self.rows(service, "low")
    }
    try stage.database.run(
      "CREATE OR REPLACE VIEW low AS SELECT item, place, units FROM stock WHERE units < 11")
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      try stage.oracle().expectEqual(service, "redefined")
      // Nil where the position had moved on, as others wrote to the same server.
      if let followed = try Self.follow(service, "low", rows, after: position) {
        #expect(try followed.rows == Self.rows(service, "low"))
      }
    }
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      #expect(try service.client.get("/v1/views/low/changes?after=\(position)").status == 410)
      #expect(try service.client.get("/v1/views/totals/changes?after=\(position)").status == 200)
    }
  }

  @Test func aViewThatIsNotConfiguredAnyMoreIsForgottenAndOneThatIsNewIsThere() async throws {
    let stage = try Stage()
    try await TestService.run(stage.configuration) { try Self.waitForCheckpoint($0) }
    try stage.database.run(
      "CREATE VIEW much AS SELECT item, place, units FROM stock WHERE units > 5")
    var configuration = stage.configuration
    configuration.views = [.init(name: "totals"), .init(name: "much")]
    try await TestService.run(configuration) { service in
      try service.waitUntilStreaming()
      #expect(try service.client.get("/v1/views/low").status == 404)
      let oracle = ViewOracle(
        connection: try stage.database.connect(), views: ["totals", "much"])
      try oracle.expectEqual(service, "another configuration")
    }
  }

  /// The past of a row, over restarts and page by page, beside what its table went through.
  @Test func aRowsHistoryIsWhatHappenedToIt() async throws {
    var random = SeededRandom()
    let stage = try Stage()
    let connection = try stage.database.connect()
    // Newest last: where it was so, and what then; nil for none.
    var past: [(position: String, units: Int?)] = []
    for round in 0..<3 {
      try await TestService.run(stage.configuration) { service in
        try service.waitUntilStreaming()
        for _ in 0..<15 {
          let units = random.oneIn(3) ? nil : random.number(0...4)
          guard past.isEmpty || past.last?.units != units, past.count > 0 || units != nil else {
            continue
          }
          try connection.execute("DELETE FROM stock WHERE item = 4 AND place = 2")
          if let units {
            try connection.execute("BEGIN; INSERT INTO stock VALUES (4, 2, \(units)); COMMIT")
          }
          try connection.execute("UPDATE stock SET units = units + 1 WHERE item = 9")
          let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
          past.append((try Self.position(service, lsn), units))
        }
        if round == 0 { try Self.waitForCheckpoint(service) }
        try wait("the log") {
          try service.metric("onhand_log_durable_position_bytes")
            >= Int(Position(past.last?.position ?? "")?.lsn.value ?? 0)
        }
        for (position, units) in past.shuffled(using: &random).prefix(10) {
          let changes = try Self.history(service, "?at=\(position)&limit=1")
          let row = changes.first?["row"] as? [String: Any]
          try #require(row?["units"] as? Int == units, "\(position)")
        }
        try Self.expectChain(service)
      }
    }
  }

  /// What was changed before a stop and not delivered, and what is changed while nobody looks, arrives once, and no word of a gap.
  @Test func webhooksGoOnOverRestarts() async throws {
    var stage = try Stage()
    stage.configuration.webhooks.allowed = [try #require(AddressRange("127.0.0.1"))]
    let receiver = try HookReceiver()
    defer { receiver.stop() }
    let connection = try stage.database.connect()
    var expected = 0
    func units() throws -> [Int] {
      try receiver.deliveries.compactMap { delivery in
        let event = try JSONSerialization.jsonObject(with: Data(delivery.body.utf8))
        let data = (event as? [String: Any])?["data"] as? [String: Any]
        return (data?["new"] as? [String: Any])?["units"] as? Int
      }
    }
    func change(_ count: Int) throws {
      for _ in 0..<count {
        expected += 1
        try connection.execute("UPDATE stock SET units = \(-expected) WHERE item = 3 AND place = 1")
      }
    }
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      try Self.addWebhook(service, to: receiver)
      try change(3)
      try wait("deliveries") { try units().count >= 3 }
    }
    for _ in 0..<3 {
      try change(2)
      try await TestService.run(stage.configuration) { service in
        try service.waitUntilStreaming()
        try change(2)
        try wait("deliveries \(try units()) of \(expected)", within: .seconds(90)) {
          try Set(units()).count == expected
        }
      }
    }
    // What was on its way when the process ended may come twice, under the same id.
    var told: [Int] = []
    for number in try units() where !told.contains(number) { told.append(number) }
    #expect(told == (1...expected).map { -$0 })
    #expect(receiver.deliveries.count <= expected + 4)
    #expect(!receiver.deliveries.contains { $0.body.contains("endpoint.resync") })
    #expect(Set(receiver.deliveries.map { $0.fields["webhook-id"] }).count == expected)
  }

  /// An endpoint has one write of its progress at a time. What is delivered beside it is written before the process ends.
  @Test func whatIsDeliveredBesideAWriteIsNotRepeated() async throws {
    var stage = try Stage()
    stage.configuration.webhooks.allowed = [try #require(AddressRange("127.0.0.1"))]
    let receiver = try HookReceiver()
    defer { receiver.stop() }
    let connection = try stage.database.connect()
    let blocker = try stage.database.connect()
    func change() throws {
      try connection.execute("UPDATE stock SET units = units - 100 WHERE item = 3 AND place = 1")
    }
    func deliver(_ count: Int, _ service: TestService) throws {
      for _ in 0..<count {
        let told = try service.metric("onhand_webhook_deliveries_total")
        try change()
        try wait("a delivery") {
          try service.metric("onhand_webhook_deliveries_total") > told
        }
      }
    }
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      try Self.addWebhook(service, to: receiver)
      try deliver(1, service)
      // The server ends it by itself, while the end waits for the write.
      try blocker.execute("SET idle_in_transaction_session_timeout = '3s'")
      try blocker.execute("BEGIN; LOCK TABLE onhand.webhook_cursors IN SHARE MODE")
      try deliver(4, service)
    }
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      try deliver(1, service)
    }
    #expect(receiver.deliveries.count == 6)
  }

  private static func addWebhook(_ service: TestService, to receiver: HookReceiver) throws {
    let made = try service.client.post(
      "/v1/webhooks", #"{"url":"\#(receiver.url)","view":"low"}"#)
    try #require(made.status == 201, "\(made.body)")
    try wait("the webhook") { try service.metric("onhand_webhook_endpoints") == 1 }
  }

  private static func history(_ service: TestService, _ query: String) throws -> [[String: Any]] {
    var changes: [[String: Any]] = []
    var cursor: String?
    repeat {
      let next = cursor.map { "&cursor=\($0)" } ?? ""
      let response = try service.client.get(
        "/v1/views/low/rows/4,2/history\(query)\(next)")
      try #require(response.status == 200, "\(response.body)")
      let page = try #require(
        try JSONSerialization.jsonObject(with: Data(response.body.utf8)) as? [String: Any])
      changes += try #require(page["changes"] as? [[String: Any]])
      cursor = page["next"] as? String
    } while cursor != nil && !(query.contains("limit=1") && !changes.isEmpty)
    return changes
  }

  private static func units(_ row: Any?) -> Int? { (row as? [String: Any])?["units"] as? Int }

  /// Each change begins where the one before it ended, whatever the pages.
  private static func expectChain(_ service: TestService) throws {
    let whole = try history(service, "?limit=1000")
    let paged = try history(service, "?limit=3")
    #expect(whole.count == paged.count)
    let rows = whole.map { (old: units($0["old"]), new: units($0["row"])) }
    for (newer, older) in zip(rows, rows.dropFirst()) { #expect(newer.old == older.new) }
    let current = try service.client.get("/v1/views/low/rows/4,2")
    #expect((whole.first?["row"] is NSNull) == (current.status == 404))
  }
}

import Capture
import Gateway
import Testing

/// What clients are told, right and wrong.
@Suite(.serialized)
struct EndpointTests {
  private static let shop = """
    CREATE TABLE goods (sku text PRIMARY KEY, name text, price numeric(10,2), added date);
    INSERT INTO goods VALUES ('a/b, c', 'Slash', 1.50, '2026-01-02'), ('ü', 'Umlaut', NULL, NULL),
      ('plain', 'Plain', 10, '2026-01-03');
    CREATE VIEW catalogue AS SELECT sku, name, price, added FROM goods;
    CREATE VIEW names AS SELECT name FROM goods;
    CREATE TABLE parts (id int PRIMARY KEY, whole int, part int);
    INSERT INTO parts VALUES (1, 10, 2), (2, 10, 5);
    CREATE VIEW quotients AS SELECT id, whole / part AS quotient FROM parts;
    CREATE VIEW wholes AS SELECT whole, id FROM parts;
    """

  private func serve(_ body: (TestService, TestDatabase) async throws -> Void) async throws {
    let database = try TestCluster.database(Self.shop)
    let configuration = try database.prepared([
      CaptureConfiguration.View(name: "catalogue"), CaptureConfiguration.View(name: "names"),
      CaptureConfiguration.View(name: "quotients"),
      CaptureConfiguration.View(name: "public.wholes", key: ["whole"]),
    ])
    try await TestService.run(configuration) { try await body($0, database) }
  }

  @Test func keysAreAddressedPercentEncoded() async throws {
    try await serve { service, _ in
      let slash = try service.client.get("/v1/views/catalogue/rows/a%2Fb%2C%20c")
      #expect(slash.body == #"{"sku":"a/b, c","name":"Slash","price":1.50,"added":"2026-01-02"}"#)
      let umlaut = try service.client.get("/v1/views/public.catalogue/rows/%C3%BC")
      #expect(umlaut.body == #"{"sku":"ü","name":"Umlaut","price":null,"added":null}"#)
      #expect(umlaut.fields["onhand-position"]?.contains(":0/") ?? false)
    }
  }

  /// A browser asks with the address that it began with, also after the database's history has become another.
  @Test func aStreamThatComesBackIsNotRefusedForWhatItBeganWith() async throws {
    try await serve { service, _ in
      let target = "/v1/views/catalogue/changes?min_position=zzzz:0/1"
      func status(_ more: [String: String]) throws -> Int {
        let fields = ["Accept": "text/event-stream"].merging(more) { $1 }
        // A client of its own, as the body has no end.
        return try HTTPClient(port: service.service.port).get(target, headers: fields).status
      }
      let (first, back) = (try status([:]), try status(["Last-Event-ID": "zzzz:0/1"]))
      #expect(first == 409 && back == 200, "\(first), \(back)")
    }
  }

  @Test(arguments: [
    ("/v1/views/nothing/rows", 404, "unknown_view"),
    ("/v1/views/catalogue/rows/absent", 404, "unknown_row"),
    ("/v1/views/catalogue/rows/a,b", 400, "bad_key"),
    ("/v1/views/catalogue/rows/%zz", 400, "bad_key"),
    ("/v1/views/quotients/rows/x", 400, "bad_key"),
    ("/v1/views/names/rows/Plain", 400, "view_without_key"),
    ("/v1/views/catalogue/rows?limit=-1", 400, "bad_parameter"),
    ("/v1/views/catalogue/rows?limit=10001", 400, "bad_parameter"),
    ("/v1/views/catalogue/rows?cursor=zz", 400, "bad_parameter"),
    (
      "/v1/views/catalogue/rows?cursor=00ffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      400, "bad_parameter"
    ),
    ("/v1/views/catalogue/rows?colour=red", 400, "unknown_parameter"),
    ("/v1/views/catalogue/rows?min_position=somewhere", 400, "bad_position"),
    ("/v1/views/catalogue/rows?min_position=zzzz:0/1", 409, "epoch_mismatch"),
    ("/v1/views/catalogue/rows?min_position=FFFFFFFF/0&wait=100ms", 504, "position_not_reached"),
    ("/v1/views/catalogue/rows?min_position=0/1&wait=31s", 400, "bad_parameter"),
    ("/v1/views/catalogue/columns", 404, "not_found"),
    ("/v2", 404, "not_found"),
  ])
  func refusalsHaveACodeAndAStatus(target: String, status: Int, code: String) async throws {
    try await serve { service, _ in
      let answer = try service.client.get(target)
      #expect(answer.status == status)
      #expect(answer.body.contains("\"code\":\"\(code)\""), "\(answer.body)")
      #expect(answer.fields["content-type"] == "application/problem+json")
    }
  }

  /// With `wait=0` a request that waits first is answered 504.
  @Test(arguments: [
    ("/v1/views/nothing/rows", "unknown_view"), ("/v1/views?colour=red", "unknown_parameter"),
    ("/v1/views/catalogue?limit=1", "unknown_parameter"),
    ("/v1/views/catalogue/rows?colour=red", "unknown_parameter"),
    ("/v1/views/catalogue/rows?limit=0", "bad_parameter"),
    ("/v1/views/catalogue/rows?price=lt.cheap", "bad_filter"),
    ("/v1/views/catalogue/rows?cursor=zz", "bad_parameter"),
    ("/v1/views/catalogue/rows/a,b", "bad_key"),
    ("/v1/views/names/rows/Plain", "view_without_key"),
    ("/v1/views/catalogue/rows/a?select=nope", "bad_parameter"),
    ("/v1/availability/1", "availability_not_configured"),
    ("/v1/views/catalogue/rows/absent", "position_not_reached"),
    ("/v1/views/quotients/rows", "position_not_reached"),
  ])
  func whatIsWrongIsToldBeforeAPositionIsWaitedFor(target: String, code: String) async throws {
    try await serve { service, _ in
      let separator = target.contains("?") ? "&" : "?"
      let answer = try service.client.get("\(target)\(separator)min_position=FFFFFFFF/0&wait=0")
      #expect(answer.body.contains("\"code\":\"\(code)\""), "\(answer.body)")
    }
  }

  @Test func bodiesAreReadBeforeAPositionIsWaitedFor() async throws {
    try await serve { service, _ in
      let target = "/v1/views/catalogue/lookup?min_position=FFFFFFFF/0&wait=0"
      #expect(try service.client.post(target, "{").body.contains("bad_body"))
      let key = try service.client.post(target, #"{"keys":["a"]}"#)
      #expect(key.body.contains("position_not_reached"), "\(key.body)")
    }
  }

  @Test func otherMethodsAndForeignHostsAreRefused() async throws {
    try await serve { service, _ in
      let post = try service.client.get("/v1/views", method: "POST")
      #expect(post.status == 405)
      #expect(post.fields["allow"] == "GET, HEAD, OPTIONS")
      for target in ["/v1/views", "/healthz", "/metrics", "/docs", "/", "/nothing"] {
        for method in ["TRACE", "QUERY"] {
          let answer = try service.client.get(target, method: method)
          #expect(
            answer.status == 405 && answer.fields["allow"] == "GET, HEAD, OPTIONS", "\(target)")
        }
      }
      let foreign = try service.client.get("/v1/views", headers: ["Host": "evil.example"])
      #expect(foreign.status == 421)
      let local = try service.client.get("/v1/views", headers: ["Host": "LOCALHOST:80"])
      #expect(local.status == 200)
      let head = try service.client.get("/v1/views", method: "HEAD")
      #expect(head.status == 200 && head.body.isEmpty)
    }
  }

  @Test func pagesFollowEachOtherByCursor() async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE numbers (n int PRIMARY KEY, word text);
      INSERT INTO numbers SELECT i, 'w' || i FROM generate_series(-50, 50) i;
      CREATE VIEW listed AS SELECT n, word FROM numbers;
      """)
    try await TestService.run(database.prepared(["listed"])) { service in
      var rows: [String] = []
      var cursor = ""
      repeat {
        let page = try service.client.get("/v1/views/listed/rows?limit=7\(cursor)").body
        rows += JSONRows.split(page)
        let next = page.split(separator: "\"next\":").last ?? ""
        cursor = next.hasPrefix("null") ? "" : "&cursor=\(next.dropFirst().dropLast(2))"
      } while !cursor.isEmpty
      #expect(rows == (-50...50).map { #"{"n":\#($0),"word":"w\#($0)"}"# })
    }
  }

  @Test func repeatedRowsOfAViewWithoutKeyAreCounted() async throws {
    try await serve { service, database in
      try database.run("UPDATE goods SET name = 'Same' WHERE sku IN ('plain', 'ü')")
      try ViewOracle(connection: try database.connect(), views: ["names", "catalogue"])
        .expectEqual(service, "two rows alike")
      try database.run("DELETE FROM goods WHERE sku = 'plain'")
      try ViewOracle(connection: try database.connect(), views: ["names", "catalogue"])
        .expectEqual(service, "one of them gone")
    }
  }

  @Test func rowWhoseExpressionFailsIsNamedUntilItIsMended() async throws {
    try await serve { service, database in
      let connection = try database.connect()
      func answer(_ change: String) throws -> (row: HTTPClient.Response, other: Int, list: Int) {
        try connection.execute(change)
        let position = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
        let target = "/v1/views/quotients/rows"
        return (
          try service.client.get("\(target)/1?min_position=\(position)"),
          try service.client.get("\(target)/2").status, try service.client.get(target).status
        )
      }
      let failed = try answer("UPDATE parts SET part = 0 WHERE id = 1")
      #expect(failed.row.status == 503)
      #expect(failed.row.body.contains("row_failed") && failed.row.body.contains("22012"))
      #expect(failed.other == 200 && failed.list == 503)
      #expect(
        try service.client.get("/v1/views/quotients").body.contains("\"state\":\"degraded\""))
      let mended = try answer("UPDATE parts SET part = 3 WHERE id = 1")
      #expect(mended.row.body == #"{"id":1,"quotient":3}"#)
      #expect(mended.list == 200)
    }
  }

  @Test func sharedKeyDegradesTheViewUntilItIsNoLongerShared() async throws {
    try await serve { service, database in
      let degraded = try service.client.get("/v1/views/wholes/rows/10")
      #expect(degraded.status == 503)
      #expect(degraded.body.contains("view_degraded"))
      #expect(try service.client.get("/v1/views/catalogue/rows").status == 200)
      let connection = try database.connect()
      try connection.execute("UPDATE parts SET whole = 11 WHERE id = 2")
      let position = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      let mended = try service.client.get("/v1/views/wholes/rows/10?min_position=\(position)")
      #expect(mended.body == #"{"whole":10,"id":1}"#)
    }
  }

  @Test func operatorsSeeReadinessAndMetrics() async throws {
    try await serve { service, _ in
      #expect(try service.client.get("/healthz").status == 200)
      try service.waitUntilStreaming()
      let metrics = try service.client.get("/metrics").body
      #expect(metrics.contains("onhand_view_rows{view=\"public.catalogue\"} 3\n"))
      #expect(metrics.contains("onhand_bootstraps_total 1\n"))
    }
  }
}

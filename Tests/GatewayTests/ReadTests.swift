import Capture
import Engine
import Testing

@testable import Gateway

/// Tags, look-ups and availability.
@Suite(.serialized)
struct ReadTests {
  private static let shop = """
    CREATE TABLE stock (item int, place text, units int, held bigint, reorder int, PRIMARY KEY (item, place));
    INSERT INTO stock SELECT i, p, i * 10 - 20, 3, 30 FROM generate_series(1, 9) i, unnest(ARRAY['a', 'b/c', 'ü']) p;
    CREATE VIEW stocked AS SELECT item, place, units, held, reorder FROM stock;
    CREATE TABLE names (id bigint PRIMARY KEY, name text);
    INSERT INTO names SELECT i, 'n' || i FROM generate_series(1, 6000) i;
    CREATE VIEW named AS SELECT id, name FROM names;
    """
  private static let columns = AvailabilityColumns(
    item: "item", location: "place", onHand: "units", held: "held",
    lowStockThreshold: .column("reorder"))

  private func serve(
    _ change: (inout Configuration) -> Void = { _ in },
    _ body: (TestService, TestDatabase) async throws -> Void
  ) async throws {
    let database = try TestCluster.database(Self.shop)
    var configuration = try database.prepared(["stocked", "named"])
    configuration.availability = AvailabilityConfiguration(view: "stocked", columns: Self.columns)
    change(&configuration)
    try await TestService.run(configuration) { try await body($0, database) }
  }

  // MARK: Tags

  @Test func aTagChangesOnlyWhenTheRowDoes() async throws {
    try await serve { service, database in
      let target = "/v1/views/stocked/rows/1,a"
      let first = try service.client.get(target)
      let tag = try #require(first.fields["etag"])
      #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
      let again = try service.client.get(target, headers: ["If-None-Match": "\"x\", W/\(tag)"])
      #expect(again.status == 304 && again.body.isEmpty)
      #expect(again.fields["etag"] == tag && again.fields["onhand-position"] != nil)
      #expect(try service.client.get(target, headers: ["If-None-Match": "*"]).status == 304)
      #expect(try service.client.get(target, headers: ["If-None-Match": "\"x\""]).status == 200)
      let head = try service.client.get(target, method: "HEAD")
      #expect(head.status == 200 && head.fields["etag"] == tag)
      #expect(head.fields["content-length"] == "\(first.body.utf8.count)")
      // Another representation has another tag.
      let quoted = try service.client.get(target + "?bigint=string")
      #expect(quoted.fields["etag"] != tag && quoted.body.contains("\"held\":\"3\""))
      #expect(try service.client.get(target + "?select=units").body == #"{"units":-10}"#)

      let connection = try database.connect()
      try connection.execute("UPDATE stock SET units = 5 WHERE item = 2")
      var lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      #expect(try service.client.get("\(target)?min_position=\(lsn)").fields["etag"] == tag)
      try connection.execute("UPDATE stock SET units = 5 WHERE item = 1")
      lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      let changed = try service.client.get(
        "\(target)?min_position=\(lsn)", headers: ["If-None-Match": tag])
      #expect(changed.status == 200 && changed.fields["etag"] != tag)
    }
  }

  // MARK: Look-ups

  @Test func rowsComeInTheOrderOfTheirKeys() async throws {
    try await serve { service, _ in
      let answer = try service.client.post(
        "/v1/views/stocked/lookup?select=item,place",
        #"{"keys":[[2,"ü"],["1","a"],[99,"a"],[2,"ü"],[3,null]]}"#)
      #expect(answer.status == 200)
      let rows = answer.body.split(separator: "\"rows\":").last.map(String.init)
      #expect(
        rows
          == #"[{"item":2,"place":"ü"},{"item":1,"place":"a"},null,{"item":2,"place":"ü"},null]}"#)
      let scalars = try service.client.post("/v1/views/named/lookup", #"{"keys":[3,"4",[5]]}"#)
      #expect(JSONRows.split(scalars.body).count == 3)
      #expect(try service.client.post("/v1/views/named/lookup", #"{"keys":[]}"#).status == 200)
    }
  }

  @Test func fiveThousandKeysAreLookedUpAtOnce() async throws {
    try await serve { service, _ in
      let keys = (1...6000).reversed().map(String.init).joined(separator: ",")
      let answer = try service.client.post("/v1/views/named/lookup", "{\"keys\":[\(keys)]}")
      #expect(
        JSONRows.split(answer.body)
          == (1...6000).reversed().map { #"{"id":\#($0),"name":"n\#($0)"}"# })
      let many = Array(repeating: "1", count: 10_001).joined(separator: ",")
      let refused = try service.client.post("/v1/views/named/lookup", "{\"keys\":[\(many)]}")
      #expect(refused.status == 413 && refused.body.contains("too_many_keys"))
    }
  }

  @Test(arguments: [
    ("", 400, "bad_body"), ("[]", 400, "bad_body"), ("{}", 400, "bad_body"),
    (#"{"keys":1}"#, 400, "bad_body"), (#"{"keys":[1],"more":1}"#, 400, "bad_body"),
    (#"{"keys":[1],"keys":[1]}"#, 400, "bad_body"), (#"{"keys":[1]"#, 400, "bad_body"),
    (#"{"keys":[1]}x"#, 400, "bad_body"), (#"{"keys":["\ud800"]}"#, 400, "bad_body"),
    (#"{"keys":["\u0000"]}"#, 400, "bad_body"), (#"{"keys":[1.5]}"#, 400, "bad_key"),
    (#"{"keys":[1e2]}"#, 400, "bad_key"), (#"{"keys":["x"]}"#, 400, "bad_key"),
    (#"{"keys":[true]}"#, 400, "bad_key"), (#"{"keys":[{}]}"#, 400, "bad_key"),
    (#"{"keys":[[[1]]]}"#, 400, "bad_key"), (#"{"keys":[[1,2]]}"#, 400, "bad_key"),
    (#"{"keys":[[]]}"#, 400, "bad_key"), (#"{"keys":[99999999999999999999]}"#, 400, "bad_key"),
    (String(repeating: "[", count: 1_000_000), 400, "bad_body"),
    (#"{"keys":\#(String(repeating: "[", count: 900_000))"#, 400, "bad_body"),
  ])
  func aBodyThatIsNoListOfKeysIsRefused(body: String, status: Int, code: String) async throws {
    let service = try await Self.shared()
    let answer = try service.post("/v1/views/named/lookup", body)
    #expect(answer.status == status)
    #expect(answer.body.contains("\"code\":\"\(code)\""), "\(answer.body)")
  }

  @Test func aBodyMustSayThatItIsJSON() async throws {
    try await serve { service, _ in
      let target = "/v1/views/named/lookup"
      let form = try service.client.post(
        target, #"{"keys":[1]}"#, headers: ["Content-Type": "application/x-www-form-urlencoded"])
      #expect(form.status == 415 && form.body.contains("not_json"))
      let charset = try service.client.post(
        target, #"{"keys":[1]}"#, headers: ["Content-Type": "Application/JSON ; charset=utf-8"])
      #expect(charset.status == 200)
    }
  }

  // MARK: Availability

  @Test func availabilityAddsUpWhatCanBeSold() async throws {
    try await serve { service, database in
      // Item 1 has -10 units everywhere, item 3 has 10, item 9 has 70; 3 of each are held.
      let out = try service.client.get("/v1/availability/1")
      #expect(out.body.hasPrefix(#"{"item":1,"available":0,"status":"out_of_stock","locations":["#))
      #expect(out.body.contains(#"{"location":"a","on_hand":-10,"held":3,"available":0}"#))
      let low = try service.client.get("/v1/availability/3")
      #expect(low.body.hasPrefix(#"{"item":3,"available":21,"status":"low_stock","#))
      let much = try service.client.get("/v1/availability/9")
      #expect(
        much.body
          == #"{"item":9,"available":201,"status":"in_stock","locations":["#
          + ["a", "b/c", "ü"].map {
            #"{"location":"\#($0)","on_hand":70,"held":3,"available":67}"#
          }.joined(separator: ",") + "]}")
      let tag = try #require(much.fields["etag"])
      #expect(
        try service.client.get("/v1/availability/9", headers: ["If-None-Match": tag]).status == 304)
      let place = try service.client.get("/v1/availability/9/b%2Fc?bigint=string")
      #expect(
        place.body
          == #"{"item":9,"available":"67","status":"in_stock","locations":[{"location":"b/c","on_hand":"70","held":"3","available":"67"}]}"#
      )
      #expect(try service.client.get("/v1/availability/10").body.contains("unknown_item"))
      #expect(try service.client.get("/v1/availability/9/z").body.contains("unknown_item"))
      #expect(try service.client.get("/v1/availability/x").body.contains("bad_key"))

      // A location that comes and goes.
      let connection = try database.connect()
      try connection.execute("INSERT INTO stock VALUES (9, 'new', 5, 0, 0)")
      var lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      let more = try service.client.get("/v1/availability/9?min_position=\(lsn)")
      #expect(more.body.contains("\"available\":206"))
      try connection.execute("DELETE FROM stock WHERE item = 9")
      lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      #expect(try service.client.get("/v1/availability/9?min_position=\(lsn)").status == 404)
    }
  }

  @Test func availabilityOfManyItemsComesInTheirOrder() async throws {
    try await serve { service, _ in
      let answer = try service.client.post(
        "/v1/availability", #"{"items":[9,77,"1"],"location":"a"}"#)
      let items = answer.body.split(separator: "\"items\":").last.map(String.init)
      #expect(
        items
          == #"[{"item":9,"available":67,"status":"in_stock","locations":[{"location":"a","on_hand":70,"held":3,"available":67}]},null,{"item":1,"available":0,"status":"out_of_stock","locations":[{"location":"a","on_hand":-10,"held":3,"available":0}]}]}"#
      )
      #expect(try service.client.post("/v1/availability", #"{"items":[[1]]}"#).status == 200)
      let bad = try service.client.post("/v1/availability", #"{"items":[1,true]}"#)
      #expect(bad.status == 400 && bad.body.contains("items[1]"))
      let get = try service.client.get("/v1/availability")
      #expect(get.status == 405 && get.fields["allow"] == "POST, OPTIONS")
    }
  }

  @Test func availabilityThatCannotBeToldSaysWhy() async throws {
    try await serve {
      $0.availability?.columns.onHand = "pieces"
    } _: { service, _ in
      let answer = try service.client.get("/v1/availability/1")
      #expect(answer.status == 404 && answer.body.contains("availability_not_configured"))
      #expect(answer.body.contains("pieces"))
      let readiness = try service.client.get("/readyz")
      #expect(readiness.status == 200)
      #expect(
        readiness.body.contains(#""problems":[{"code":"availability_not_configured","detail":""#)
          && readiness.body.contains(#"no column \"pieces\""#), "\(readiness.body)")
    }
    try await serve {
      $0.availability = nil
    } _: { service, _ in
      let answer = try service.client.get("/v1/availability/1")
      #expect(answer.status == 404)
    }
  }

  @Test func availabilityIsToldAgainOnceItsViewIsMended() async throws {
    try await serve {
      $0.availability?.columns.onHand = "pieces"
    } _: { service, database in
      #expect(try service.client.get("/readyz").body.contains("availability_not_configured"))
      try database.run(
        """
        BEGIN; DROP VIEW stocked;
        CREATE VIEW stocked AS SELECT item, place, 5 AS pieces, held, reorder FROM stock; COMMIT
        """)
      try wait("mended") {
        try !service.client.get("/readyz").body.contains("availability_not_configured")
      }
      #expect(try service.client.get("/v1/availability/1").body.contains(#""on_hand":5,"held":3"#))
    }
  }

  // MARK: Hostile queries

  @Test(arguments: [
    ("limit=0", "bad_parameter"), ("limit=+1", "bad_parameter"), ("limit=", "bad_parameter"),
    ("limit=1&limit=1", "bad_parameter"), ("wait=1s&wait=1s", "bad_parameter"),
    ("wait=-1s", "bad_parameter"), ("wait=+1s", "bad_parameter"), ("bigint=yes", "bad_parameter"),
    ("order=", "bad_parameter"), ("order=nope", "bad_parameter"), ("order=id.up", "bad_parameter"),
    ("order=id,id", "bad_parameter"), ("order=id.asc.nullslast.x", "bad_parameter"),
    ("select=", "bad_parameter"), ("select=nope", "bad_parameter"),
    ("select=id,id", "bad_parameter"),
    ("select=id::text", "bad_parameter"), ("select=*,a:*", "bad_parameter"),
    ("cursor=", "bad_parameter"), ("cursor=AQ", "bad_parameter"), ("id=5", "bad_filter"),
    ("id=eq.x", "bad_filter"), ("id=eq.", "bad_filter"), ("id=eq.%00", "bad_filter"),
    ("name=eq.%00", "bad_filter"), ("name=eq.%ff", "bad_parameter"),
    ("na%ffme=eq.1", "bad_parameter"),
    ("name=eq.%zz", "bad_parameter"), ("or=(", "bad_filter"), ("or=(nope.eq.1)", "bad_filter"),
    ("nope=eq.1", "unknown_parameter"), ("%22nope%22=eq.1", "bad_filter"),
    ("=eq.1", "unknown_parameter"),
    ("id=in.(1,2", "bad_filter"), ("id=in.(1,x)", "bad_filter"), ("id=like.1", "bad_filter"),
    ("name=like.%5C", "bad_filter"), ("id=is.true", "bad_filter"), ("id=is.NULL", "bad_filter"),
  ])
  func aQueryThatMeansNothingIsRefusedByParameter(query: String, code: String) async throws {
    let answer = try await Self.shared().get("/v1/views/named/rows?\(query)")
    #expect(answer.status == 400)
    #expect(answer.body.contains("\"code\":\"\(code)\""), "\(answer.body)")
    #expect(answer.body.contains("\"parameter\":\""), "\(answer.body)")
    #expect(answer.fields["content-type"] == "application/problem+json")
  }

  @Test func deepGroupsOfARequestLineAreRefused() async throws {
    let value = "or=" + String(repeating: "(or", count: 2_000)
    let answer = try await Self.shared().get("/v1/views/named/rows?\(value)")
    #expect(answer.status == 400 && answer.body.contains("bad_filter"))
  }

  /// A client of one service that tests share which change nothing.
  private static func shared() async throws -> HTTPClient {
    try HTTPClient(port: try running.get().port)
  }

  private static let running = Result<Service, any Error> {
    let configuration = try TestCluster.database(shop).prepared(["stocked", "named"])
    let service = try Service(configuration, logger: TestService.quiet)
    let client = try HTTPClient(port: service.port)
    try wait("ready") { try client.get("/readyz").status == 200 }
    return service
  }
}

import Capture
import Engine
import Foundation
import Runtime
import Testing

@testable import Gateway

/// Holds over REST and SQL on a real database, one at a time.
@Suite(.serialized)
struct HoldTests {
  private typealias Shop = HoldShop

  private func serve(
    _ change: (inout Configuration) -> Void = { _ in },
    _ body: (TestService, TestDatabase) async throws -> Void
  ) async throws {
    let shop = try HoldShop(on: nil, change)
    try await TestService.run(shop.configuration) { try await body($0, shop.database) }
  }

  private func available(_ service: TestService, _ item: Int, at lsn: String? = nil) throws
    -> String?
  {
    let wait = lsn.map { "?min_position=\($0)&wait=10s" } ?? ""
    let row = try service.client.get("/v1/views/availability/rows/\(item),north\(wait)")
    return row["available"]
  }

  private func position(_ database: TestDatabase) throws -> String {
    try database.run("SELECT onhand.position()")[0][0] ?? ""
  }

  @Test func aHoldIsTakenAndSettledInSQL() async throws {
    try await serve { service, database in
      let taken = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 3)))
      #expect(taken.status == 201, "\(taken.body)")
      #expect(taken["status"] == "held")
      let id = try #require(taken["hold_id"])
      #expect(taken.fields["location"] == "/v1/holds/\(id)")
      let at = try #require(taken.fields["onhand-position"])
      #expect(try available(service, 1, at: at) == "7")
      let shown = try service.client.get("/v1/holds/\(id)")
      #expect(shown.status == 200 && shown["status"] == "held")

      try database.run(
        """
        BEGIN;
        UPDATE stock SET units = units - 3 WHERE item_id = 1 AND store = 'north';
        SELECT onhand.settle('\(id)');
        COMMIT
        """)
      #expect(try available(service, 1, at: try position(database)) == "7")
      #expect(try service.client.get("/v1/holds/\(id)")["status"] == "settled")
    }
  }

  @Test func whatIsNotThereIsRefusedLineByLine() async throws {
    try await serve { service, _ in
      let refused = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(1, 11), Shop.line(2, 1), Shop.line(3, 12)))
      #expect(refused.status == 409)
      #expect(refused["code"] == "insufficient_stock")
      #expect(
        refused.body.contains(
          #""lines":[{"item":1,"location":"north","requested":11,"available":10},"#
            + #"{"item":3,"location":"north","requested":12,"available":10}]"#), "\(refused.body)")
      // Lines of one key are one.
      let twice = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 6), Shop.line(1, 5)))
      #expect(twice.status == 409)
      let all = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 6), Shop.line(1, 4)))
      #expect(all.status == 201, "\(all.body)")
      #expect(try service.client.post("/v1/holds", Shop.body(Shop.line(1, 1))).status == 409)
    }
  }

  @Test func aKeySentAgainGetsTheSameHold() async throws {
    try await serve { service, database in
      let key = ["Idempotency-Key": "order-1"]
      let body = Shop.body(Shop.line(1, 10))
      let first = try service.client.post("/v1/holds", body, headers: key)
      #expect(first.status == 201, "\(first.body)")
      // Nothing is left, and the key still gets its hold.
      let second = try service.client.post("/v1/holds", body, headers: key)
      #expect(second.status == 200 && second["hold_id"] == first["hold_id"], "\(second.body)")
      let other = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 1)), headers: key)
      #expect(other.status == 422 && other["code"] == "idempotency_key_reused", "\(other.body)")
      #expect(try database.run("SELECT count(*) FROM onhand.holds")[0][0] == "1")
    }
  }

  @Test func aProcessThatDidNotDecideAHoldGivesItOnceItIsOldEnough() async throws {
    let shop = try HoldShop()
    let key = ["Idempotency-Key": "order-1"]
    var id: String?
    try await TestService.run(shop.configuration) { service in
      id = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 4)), headers: key)["hold_id"]
    }
    try await TestService.run(shop.configuration) { service in
      let body = Shop.body(Shop.line(1, 4))
      // Young, however long the second process took to start.
      try shop.database.run("UPDATE onhand.holds SET created_at = created_at + interval '1 h'")
      let young = try service.client.post("/v1/holds", body, headers: key)
      #expect(young.status == 409 && young["code"] == "hold_in_flight", "\(young.body)")
      try shop.database.run("UPDATE onhand.holds SET created_at = created_at - interval '2 h'")
      let old = try service.client.post("/v1/holds", body, headers: key)
      #expect(old.status == 200 && old["hold_id"] == id, "\(old.body)")
      // It has adopted it, and stands by it.
      let adopted = try shop.database.run("SELECT count(DISTINCT instance) FROM onhand.holds")
      #expect(adopted[0][0] == "1")
      try shop.database.run("UPDATE stock SET units = 3 WHERE item_id = 1")
      #expect(try available(service, 1, at: position(shop.database)) == "-1")
      let again = try service.client.post("/v1/holds", body, headers: key)
      #expect(again.status == 200 && again["hold_id"] == id, "\(again.body)")
    }
    try await TestService.run(shop.configuration) { service in
      // Nobody is left who knows, and there is less than is held.
      let short = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 4)), headers: key)
      #expect(short.status == 409 && short["code"] == "hold_undecided", "\(short.body)")
    }
  }

  @Test func everyActionIsIdempotentAndEndingsStayFinal() async throws {
    try await serve { service, _ in
      func take() throws -> String {
        try #require(try service.client.post("/v1/holds", Shop.body(Shop.line(2, 1)))["hold_id"])
      }
      func act(_ id: String, _ action: String) throws -> String {
        let answer = try service.client.post("/v1/holds/\(id)/\(action)", "{}")
        return answer["code"] ?? "\(answer.status) \(answer["status"] ?? "")"
      }
      let settled = try take()
      #expect(try act(settled, "confirm") == "200 confirmed")
      #expect(try act(settled, "confirm") == "200 confirmed")
      #expect(try act(settled, "extend") == "hold_ended")
      #expect(try act(settled, "settle") == "200 settled")
      #expect(try act(settled, "settle") == "200 settled")
      #expect(try act(settled, "confirm") == "200 settled")
      #expect(try act(settled, "release") == "hold_ended")
      let released = try take()
      #expect(try act(released, "extend") == "200 held")
      #expect(try act(released, "release") == "200 released")
      #expect(try act(released, "release") == "200 released")
      #expect(try act(released, "settle") == "hold_ended")
      #expect(try act("00000000-0000-4000-8000-000000000000", "settle") == "unknown_hold")
      #expect(try act("nothing", "settle") == "unknown_hold")
    }
  }

  /// The functions of schema onhand and the engine's table say the same of every status and action.
  @Test func functionsFollowTheTransitionsOfTheEngine() throws {
    let shop = try HoldShop()
    let connection = try shop.database.connect()
    for status in HoldStatus.allCases {
      for action in [HoldAction.confirm, .settle, .release] {
        for (isOverdue, isSuperseded, isPending) in [
          (false, false, false), (true, false, false), (false, true, false),
          (false, false, true), (true, false, true), (false, true, true),
        ] {
          try connection.execute("TRUNCATE onhand.holds, onhand.hold_lines")
          try connection.query(
            """
            INSERT INTO onhand.holds (id, status, caller, request_digest, units, instance,
              superseded_by, expires_at, ended_at, is_pending)
            VALUES ('00000000-0000-4000-8000-000000000001', $1, '', '', 1, gen_random_uuid(),
              CASE WHEN $2 THEN gen_random_uuid() END,
              now() + CASE WHEN $3 THEN -1 ELSE 1 END * interval '1 min', now(), $4)
            """, [status.rawValue, "\(isSuperseded)", "\(isOverdue)", "\(isPending)"])
          let found: String
          do {
            found =
              try connection.query(
                "SELECT onhand.\(action.rawValue)('00000000-0000-4000-8000-000000000001')")[0][0]
              ?? ""
          } catch { found = error.sqlState }
          let expected =
            switch HoldTransition(
              action, of: status, isOverdue: isOverdue, isSuperseded: isSuperseded,
              isPending: isPending)
            {
            case .change: action.target.rawValue
            case .done: status.rawValue
            case .conflict, .replaced: "OH409"
            case .gone: "OH410"
            case .undecided: "OH425"
            }
          #expect(
            found == expected,
            "\(action) of \(status), \(isOverdue), \(isSuperseded), \(isPending)")
        }
      }
    }
  }

  @Test func expiredHoldsFreeTheirStock() async throws {
    try await serve { service, database in
      let taken = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(1, 10), more: #","ttl":"1s""#))
      let id = try #require(taken["hold_id"])
      try wait("expired") { try service.client.get("/v1/holds/\(id)")["status"] == "expired" }
      #expect(try available(service, 1, at: position(database)) == "10")
      let extended = try service.client.post("/v1/holds/\(id)/extend", #"{"ttl":"5m"}"#)
      #expect(extended.status == 410 && extended["code"] == "hold_expired", "\(extended.body)")
      let late = #expect(throws: PostgresError.self) {
        try database.run("SELECT onhand.settle('\(id)')")
      }
      #expect(late?.sqlState == "OH410")
    }
  }

  /// Within one commit, by the database's clock.
  @Test func expiryComesWithinASecond() async throws {
    try await serve { service, database in
      for item in 1...20 {
        _ = try service.client.post(
          "/v1/holds", Shop.body(Shop.line(item, 1), more: #","ttl":"\#(1000 + item * 37)ms""#))
      }
      try wait("expired") {
        try database.run("SELECT count(*) FROM onhand.holds WHERE status = 'expired'")[0][0] == "20"
      }
      let late = try database.run(
        "SELECT count(*) FROM onhand.holds WHERE ended_at - expires_at > interval '5 s'")
      #expect(late[0][0] == "0")
    }
  }

  @Test func aReferenceReplacesWhatItNames() async throws {
    try await serve { service, database in
      func take(_ quantity: Int, _ item: Int = 1) throws -> HTTPClient.Response {
        try service.client.post(
          "/v1/holds", Shop.body(Shop.line(item, quantity), more: #","reference":"cart""#))
      }
      let first = try take(6)
      #expect(first.status == 201, "\(first.body)")
      // Ten are there, six of them its own.
      let second = try take(10)
      #expect(second.status == 201, "\(second.body)")
      let id = try #require(first["hold_id"])
      try wait("released") { try service.client.get("/v1/holds/\(id)")["status"] == "released" }
      #expect(
        try service.client.get("/v1/holds/\(id)")["superseded_by"] == second["hold_id"])
      #expect(try available(service, 1, at: position(database)) == "0")
      let third = try take(11)
      #expect(third.status == 409 && third["code"] == "insufficient_stock", "\(third.body)")
      #expect(third.body.contains(#""available":10"#), "\(third.body)")
      #expect(try service.client.get("/v1/holds/\(second["hold_id"] ?? "")")["status"] == "held")
      // Less is always granted, also where a count has gone below what is held.
      try database.run("UPDATE stock SET units = 2 WHERE item_id = 1")
      #expect(try available(service, 1, at: position(database)) == "-8")
      let fourth = try take(9)
      #expect(fourth.status == 201, "\(fourth.body)")
      let listed = try service.client.get("/v1/holds?reference=cart")
      #expect(listed.body.components(separatedBy: "hold_id").count == 4, "\(listed.body)")
      _ = try service.client.post("/v1/holds/\(fourth["hold_id"] ?? "")/confirm", "")
      let fifth = try take(1, 2)
      #expect(fifth["code"] == "reference_confirmed", "\(fifth.body)")
    }
  }

  @Test func partsAreTakenWhereThatWillDo() async throws {
    try await serve { service, _ in
      let body = Shop.body(
        Shop.line(1, 14), Shop.line(2, 3), more: #","allow_partial":true"#)
      let taken = try service.client.post("/v1/holds", body)
      #expect(taken.status == 201, "\(taken.body)")
      #expect(taken.body.contains(#""requested":14,"quantity":10"#))
      #expect(taken.body.contains(#""requested":3,"quantity":3"#))
      let shown = try service.client.get("/v1/holds/\(taken["hold_id"] ?? "")")
      #expect(shown.body.contains(#""requested":14,"quantity":10"#), "\(shown.body)")
      let none = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(1, 1), more: #","allow_partial":true"#))
      #expect(none.status == 409, "\(none.body)")
    }
  }

  @Test(arguments: [
    (#"{"lines":[]}"#, "lines"), (#"{}"#, "lines"), (#"{"lines":[1]}"#, "lines[0]"),
    (Shop.body(Shop.line(1, 0)), "lines[0].quantity"),
    (Shop.body(Shop.line(1, 1), Shop.line(1, -1)), "lines[1].quantity"),
    (#"{"lines":[{"item":1,"location":"north","quantity":1.5}]}"#, "lines[0].quantity"),
    (
      #"{"lines":[{"item":1,"location":"north","quantity":99999999999999999999}]}"#,
      "lines[0].quantity"
    ),
    (#"{"lines":[{"item":1,"location":"north","quantity":"1"}]}"#, "lines[0].quantity"),
    (#"{"lines":[{"item":[],"location":"north","quantity":1}]}"#, "lines[0].item"),
    (#"{"lines":[{"item":"x","location":"north","quantity":1}]}"#, "lines[0]"),
    (Shop.body(Shop.line(1, 1), Shop.line(99, 1)), "lines[1]"),
    (Shop.body(Shop.line(1, 1_000_000_000), Shop.line(1, 1)), "lines[1].quantity"),
    (Shop.body(Shop.line(1, 1), more: #","ttl":"0s""#), "ttl"),
    (Shop.body(Shop.line(1, 1), more: #","ttl":"900d""#), "ttl"),
    (Shop.body(Shop.line(1, 1), more: #","reference":"""#), "reference"),
    (Shop.body(Shop.line(1, 1), more: #","metadata":[]"#), "metadata"),
    (Shop.body(Shop.line(1, 1), more: #","allow_partial":1"#), "allow_partial"),
    (Shop.body(Array(repeating: Shop.line(1, 1), count: 201).joined(separator: ",")), "lines"),
  ])
  func whatIsWrongIsNamed(body: String, path: String) throws {
    let answer = try Self.running.get().post("/v1/holds", body)
    #expect(answer.status == 400, "\(answer.body)")
    #expect(answer["parameter"] == path, "\(answer.body)")
  }

  /// A service that nothing is taken from.
  private nonisolated(unsafe) static let running = Result<HTTPClient, any Error> {
    let service = try Service(HoldShop().configuration, logger: TestService.quiet)
    kept.append(service)
    let client = try HTTPClient(port: service.port)
    try wait("ready") { try client.get("/readyz").status == 200 }
    return client
  }
  private nonisolated(unsafe) static var kept: [Service] = []

  /// `\u0000` is JSON and no jsonb.
  @Test func aRowThatTheDatabaseRefusesFailsAlone() async throws {
    try await serve { service, _ in
      let clients = try (0..<8).map { _ in try HTTPClient(port: service.service.port) }
      let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
        for (index, client) in clients.enumerated() {
          nonisolated(unsafe) let client = client
          group.addTask {
            let metadata = index == 3 ? #"{"a":"\u0000"}"# : #"{"a":1}"#
            let body = Shop.body(Shop.line(index + 1, 1), more: #","metadata":\#(metadata)"#)
            return (index, try client.post("/v1/holds", body).status)
          }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      for index in 0..<8 { #expect(answers[index] == (index == 3 ? 400 : 201)) }
    }
  }

  @Test func aShopsOpenTransactionHoldsUpNothing() async throws {
    try await serve { service, database in
      let first = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(1, 1), more: #","ttl":"1s","reference":"cart""#))
      let id = try #require(first["hold_id"])
      let shop = try database.connect()
      try shop.execute("BEGIN; SELECT onhand.settle('\(id)')")
      let busy = try service.client.post("/v1/holds/\(id)/confirm", "")
      #expect(busy.status == 409 && busy["code"] == "hold_busy", "\(busy.body)")
      let replacing = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(1, 2), more: #","reference":"cart""#))
      #expect(replacing.status == 409 && replacing["code"] == "hold_busy", "\(replacing.body)")
      // Others go on: taken, and expired beside it.
      let other = try service.client.post(
        "/v1/holds", Shop.body(Shop.line(2, 1), more: #","ttl":"1s""#))
      #expect(other.status == 201)
      let otherID = try #require(other["hold_id"])
      try wait("expired") { try service.client.get("/v1/holds/\(otherID)")["status"] == "expired" }
      #expect(try service.client.get("/v1/holds/\(id)")["status"] == "held")
      try shop.execute("COMMIT")
      #expect(try service.client.get("/v1/holds/\(id)")["status"] == "settled")
    }
  }

  @Test func callersHaveTheirOwnHoldsAndLimits() async throws {
    func caller(_ name: String, _ may: Set<Right>) -> Caller {
      Caller(name: name, tokenDigest: Digest.sha256(Array("\(name)-token".utf8)), may: may)
    }
    func bearer(_ name: String) -> [String: String] { ["Authorization": "Bearer \(name)-token"] }
    try await serve {
      $0.callers = [
        caller("web", [.hold]), caller("app", [.read, .hold]), caller("board", [.read]),
      ]
      $0.holds?.activeMax = 2
      $0.holds?.unitsMax = 8
    } _: { service, _ in
      func take(_ who: String, _ quantity: Int) throws -> HTTPClient.Response {
        try service.client.post(
          "/v1/holds", Shop.body(Shop.line(1, quantity)), headers: bearer(who))
      }
      #expect(try take("board", 1).status == 403)
      #expect(try service.client.post("/v1/holds", Shop.body(Shop.line(1, 1))).status == 401)
      let first = try take("web", 5)
      let id = try #require(first["hold_id"])
      #expect(try service.client.get("/v1/holds/\(id)", headers: bearer("app")).status == 404)
      let stolen = try service.client.post("/v1/holds/\(id)/release", "", headers: bearer("app"))
      #expect(stolen.status == 404)
      let units = try take("web", 4)
      #expect(units.status == 429 && units["code"] == "too_many_holds", "\(units.body)")
      #expect(units.fields["retry-after"] != nil)
      #expect(try take("web", 1).status == 201)
      #expect(try take("web", 1).status == 429)
      #expect(try take("app", 1).status == 201)
    }
  }

  @Test func aShopsRoleSettlesAndMakesUpNothing() throws {
    let shop = try HoldShop()
    let connection = try shop.database.connect()
    try connection.execute("CREATE ROLE shopkeeper_\(getpid())")
    var capture = shop.configuration.capture
    capture.holds?.shopRole = "shopkeeper_\(getpid())"
    _ = try Initializer(capture).prepare()
    try connection.execute(
      """
      INSERT INTO onhand.holds (id, caller, request_digest, units, instance, expires_at)
      VALUES ('00000000-0000-4000-8000-000000000001', '', '', 1, gen_random_uuid(), now() + interval '1 h')
      """)
    try connection.execute("SET ROLE shopkeeper_\(getpid())")
    for denied in [
      "INSERT INTO onhand.holds (id, caller, request_digest, units, instance, expires_at) VALUES (gen_random_uuid(), '', '', 1, gen_random_uuid(), now())",
      "UPDATE onhand.hold_lines SET quantity = 0", "SELECT * FROM onhand.holds",
      "SELECT onhand.change_hold('00000000-0000-4000-8000-000000000001', 'expired')",
    ] {
      let error = #expect(throws: PostgresError.self) { try connection.execute(denied) }
      #expect(error?.sqlState == "42501", "\(denied)")
    }
    let settled = try connection.execute(
      "SELECT onhand.settle('00000000-0000-4000-8000-000000000001')")
    #expect(settled[0][0] == "settled")
    try connection.execute(
      "RESET ROLE; DROP OWNED BY shopkeeper_\(getpid()); DROP ROLE shopkeeper_\(getpid())")
  }

  @Test func initSaysWhatIsWrongAndDoesNothingTwice() throws {
    let shop = try HoldShop()
    var capture = shop.configuration.capture
    capture.holds?.stock = "shelves"
    #expect(try Initializer(capture).prepare() == [])
    func refusal(_ change: (inout HoldInstallation) -> Void) throws -> String {
      var capture = shop.configuration.capture
      capture.holds?.stock = "shelves"
      if capture.holds != nil { change(&capture.holds!) }
      return
        "\(try #require(#expect(throws: (any Error).self) { try Initializer(capture).prepare() }))"
    }
    #expect(try refusal { $0.stock = "nothing" }.contains("it does not exist"))
    #expect(try refusal { $0.columns.key[0].column = "sku" }.contains("no column \"sku\""))
    #expect(
      try refusal { $0.columns.held = "on_hand" }.contains("has a column \"on_hand\" already"))
    #expect(
      try refusal { $0.columns.key[0].column = "store" }.contains("onhand.hold_lines (item integer")
    )
    capture.holds?.view = "nowhere"
    let missing = #expect(throws: (any Error).self) { try CompiledViews.check(capture) }
    #expect("\(missing as Any)".contains("--availability-from"))
    let findings = Doctor.examine(capture).filter { $0.text.hasPrefix("holds") }
    #expect(findings.map(\.level) == [.problem], "\(findings)")
    let well = Doctor.examine(shop.configuration.capture).filter { $0.text.hasPrefix("holds") }
    #expect(well.map(\.level) == [.ok], "\(well)")
    try shop.database.run("CREATE VIEW plain AS SELECT * FROM shelves")
    #expect(try refusal { $0.view = "plain" }.contains("takes no account of holds"))
  }

  /// A count is corrected below what is held: holds stay, no new ones, shoppers see nothing left, operators see by how much.
  @Test func aCountBelowWhatIsHeldIsShownSigned() async throws {
    try await serve { service, database in
      let taken = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 6)))
      #expect(taken.status == 201)
      try database.run("UPDATE stock SET units = 4 WHERE item_id = 1")
      #expect(try available(service, 1, at: position(database)) == "-2")
      let refused = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 1)))
      #expect(refused.status == 409 && refused.body.contains(#""available":0"#), "\(refused.body)")
      #expect(try service.client.get("/v1/holds/\(taken["hold_id"] ?? "")")["status"] == "held")
      #expect(try service.client.get("/v1/availability/1/north")["available"] == "0")
      let explained = try service.client.get("/v1/availability/1/north?explain=true")
      #expect(explained["available"] == "-2", "\(explained.body)")
      let short = try service.client.get("/v1/views/availability/rows?available=lt.0")
      #expect(short.body.contains(#""available":-2"#), "\(short.body)")
    }
  }

  /// Keys that are uuids and quantities with parts of a unit: what is not a whole unit is not there.
  @Test func keysAndQuantitiesAreWhatTheViewHas() async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE bins (sku uuid, place bigint, kilos numeric NOT NULL, PRIMARY KEY (sku, place));
      INSERT INTO bins VALUES ('0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01', 8000000000, 2.75);
      CREATE VIEW bulk AS SELECT sku, place, kilos FROM bins;
      """)
    var configuration = Configuration()
    configuration.database = database.conninfo
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    configuration.views = [CaptureConfiguration.View(name: "left_over")]
    configuration.availability = AvailabilityConfiguration(
      view: "left_over",
      columns: AvailabilityColumns(
        item: "sku", location: "place", onHand: "kilos", held: "held", available: "left"))
    configuration.holds = HoldSettings()
    var capture = configuration.capture
    capture.holds?.stock = "bulk"
    _ = try Initializer(capture).prepare()
    try await TestService.run(configuration) { service in
      func take(_ quantity: Int) throws -> HTTPClient.Response {
        try service.client.post(
          "/v1/holds",
          #"{"lines":[{"item":"0B8A4C61-5f5e-4b0e-9d25-16ea9d7a8a01","location":8000000000,"quantity":\#(quantity)}]}"#
        )
      }
      let refused = try take(3)
      #expect(refused.status == 409 && refused.body.contains(#""available":2"#), "\(refused.body)")
      let taken = try take(2)
      #expect(taken.status == 201, "\(taken.body)")
      #expect(
        taken.body.contains(#""item":"0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01","location":8000000000"#)
      )
      let shown = try service.client.get("/v1/holds/\(taken["hold_id"] ?? "")")
      #expect(shown.body.contains(#""location":8000000000"#), "\(shown.body)")
      #expect(try take(1).status == 409)
    }
  }

  @Test func aCallerWhoAsksTooFastIsToldSo() async throws {
    try await serve {
      $0.holds?.perSecondMax = 3
    } _: { service, _ in
      var statuses: [Int] = []
      for item in 1...8 {
        statuses.append(try service.client.post("/v1/holds", Shop.body(Shop.line(item, 1))).status)
      }
      #expect(statuses.prefix(3) == [201, 201, 201] && statuses.contains(429), "\(statuses)")
      // What is refused for want of stock is no less asked for.
      try wait("allowed again") {
        try service.client.post("/v1/holds", Shop.body(Shop.line(9, 1))).status == 201
      }
    }
  }

  /// Texts that arrays, JSON and SQL have a meaning for are texts.
  @Test(arguments: ["NULL", #"{a,"b\c",}"#, "'; DROP TABLE onhand.holds; --", "ü\t\n%s", "  "])
  func textsAreKeptAsTheyAre(text: String) async throws {
    try await serve { service, database in
      try database.connect().query("INSERT INTO stock VALUES (60, $1, 5)", [text])
      let quoted = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
      try wait("the row") {
        try service.client.get("/v1/availability/60").status == 200
      }
      let body =
        #"{"lines":[{"item":60,"location":\#(quoted),"quantity":2}],"reference":\#(quoted),"metadata":{"a":\#(quoted)}}"#
      for _ in 0..<2 {
        let taken = try service.client.post("/v1/holds", body)
        #expect(taken.status == 201, "\(taken.body)")
        let shown = try service.client.get("/v1/holds/\(taken["hold_id"] ?? "")")
        for answer in [taken, shown] { #expect(answer["reference"] == text, "\(answer.body)") }
        #expect(shown.body.contains(#""quantity":2"#))
      }
    }
  }

  @Test func whatHasEndedIsPurged() async throws {
    try await serve {
      $0.holds?.retention = .seconds(1)
    } _: { service, database in
      let taken = try service.client.post("/v1/holds", Shop.body(Shop.line(1, 1)))
      _ = try service.client.post("/v1/holds/\(taken["hold_id"] ?? "")/release", "")
      try wait("purged") {
        try database.run(
          "SELECT (SELECT count(*) FROM onhand.holds) + (SELECT count(*) FROM onhand.hold_lines)")[
            0][0] == "0"
      }
      #expect(try service.metric("onhand_holds_total{event=\"purged\"}") == 1)
      #expect(try service.metric("onhand_holds_in_flight") == 0)
    }
  }
}

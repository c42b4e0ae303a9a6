import Capture
import Runtime
import Testing

@testable import Gateway

/// Who is answered what.
@Suite(.serialized)
struct AccessTests {
  private static let shop = """
    CREATE TABLE stock (item int, place int, on_hand int, price numeric, name text, PRIMARY KEY (item, place));
    INSERT INTO stock SELECT i, p, i * 10, 19.99, 'n' FROM generate_series(1, 30) i, generate_series(1, 2) p;
    CREATE VIEW stocked AS SELECT item, place, on_hand, price, name FROM stock;
    CREATE VIEW secret AS SELECT item, place, on_hand FROM stock;
    CREATE VIEW bare AS SELECT on_hand FROM stock;
    """

  private func serve(_ body: (HTTPClient) throws -> Void) async throws {
    let database = try TestCluster.database(Self.shop)
    var configuration = try database.prepared(["stocked", "secret", "bare"])
    configuration.callers = [
      caller("shop", [.read], ["stocked"]), caller("erp", [.read]), caller("ops", [.admin]),
    ]
    configuration.publicAccess = PublicAccess(
      views: [.init(name: "stocked", quantities: ["on_hand"]), .init(name: "bare")], cap: 100)
    configuration.crossOrigins = CrossOrigins(["https://shop.example"])
    configuration.availability = AvailabilityConfiguration(
      view: "stocked", columns: .init(item: "item", location: "place", onHand: "on_hand"))
    try await TestService.run(configuration) { try body($0.client) }
  }

  /// Known by `<name>-token`.
  private func caller(_ name: String, _ may: Set<Right>, _ views: [String]? = nil) -> Caller {
    Caller(
      name: name, tokenDigest: Digest.sha256(Array("\(name)-token".utf8)), may: may,
      views: views)
  }

  private func bearer(_ name: String) -> [String: String] {
    ["Authorization": "Bearer \(name)-token"]
  }

  @Test func digestsAreThoseOfSHA256() {
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let digest = Digest.sha256(Array("abc".utf8))
    #expect(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
  }

  @Test func callersSeeTheirViews() async throws {
    try await serve { client in
      #expect(try client.get("/v1/views/stocked/rows/1,1", headers: bearer("shop")).status == 200)
      #expect(try client.get("/v1/views/secret/rows/1,1", headers: bearer("erp")).status == 200)
      let forbidden = try client.get("/v1/views/secret/rows/1,1", headers: bearer("shop"))
      #expect(forbidden.status == 403 && forbidden.body.contains("\"forbidden\""))
      let list = try client.get("/v1/views", headers: bearer("shop"))
      #expect(list.body.contains("\"stocked\"") && !list.body.contains("\"secret\""))
      let admin = try client.get("/v1/views/stocked/rows/1,1", headers: bearer("ops"))
      #expect(admin.status == 403)
      // Callers see what is not capped.
      let rows = try client.get("/v1/views/stocked/rows/30,1", headers: bearer("shop"))
      #expect(rows.body.contains("\"on_hand\":300"))
      #expect(
        try client.get("/v1/views", headers: ["Authorization": "bearer erp-token"]).status == 200)
    }
  }

  @Test(arguments: ["Bearer wrong", "Bearer", "Bearer ", "Basic c2hvcA==", "shop-token", ""])
  func unknownTokensAreRefused(field: String) async throws {
    try await serve { client in
      let answer = try client.get("/v1/views/stocked/rows", headers: ["Authorization": field])
      #expect(answer.status == 401 && answer.body.contains("\"token_unknown\""))
      #expect(
        answer.fields["www-authenticate"] == "Bearer realm=\"onhand\", error=\"invalid_token\"")
    }
  }

  @Test func visitorsSeePublicViewsWithQuantitiesCapped() async throws {
    try await serve { client in
      let row = try client.get("/v1/views/stocked/rows/30,1")
      #expect(row.body == #"{"item":30,"place":1,"on_hand":100,"price":19.99,"name":"n"}"#)
      let few = try client.get("/v1/views/stocked/rows/3,1?bigint=string")
      #expect(few.body == #"{"item":3,"place":1,"on_hand":30,"price":"19.99","name":"n"}"#)
      for target in ["/v1/views/secret/rows", "/v1/views/nothing/rows", "/v1/views/secret"] {
        let answer = try client.get(target)
        #expect(answer.status == 401 && answer.body.contains("\"token_missing\""))
        #expect(answer.fields["www-authenticate"] == "Bearer realm=\"onhand\"")
      }
      let view = try client.get("/v1/views/stocked")
      #expect(view.status == 200 && !view.body.contains("definition"))
      let lookup = try client.post("/v1/views/stocked/lookup", #"{"keys":[[30,1]]}"#)
      #expect(lookup.body.contains("\"on_hand\":100"))
      let availability = try client.get("/v1/availability/30")
      #expect(availability.body.hasPrefix(#"{"item":30,"available":100,"status":"in_stock""#))
      #expect(!availability.body.contains("300") && !availability.body.contains("600"))
    }
  }

  /// A filter or an order must not tell what the cap hides.
  @Test func capsHoldInFiltersAndOrders() async throws {
    try await serve { client in
      #expect(JSONRows.split(try client.get("/v1/views/stocked/rows?on_hand=gt.100").body).isEmpty)
      let capped = try client.get("/v1/views/stocked/rows?on_hand=eq.100&place=eq.1")
      #expect(JSONRows.split(capped.body).count == 21)
      let ranges = try client.get(
        "/v1/views/stocked/rows?on_hand=in.(250,260,300,100,1)&place=eq.1")
      #expect(JSONRows.split(ranges.body).count == 21)
      let order = try client.get("/v1/views/stocked/rows?order=on_hand.desc")
      #expect(order.status == 400 && order.body.contains("capped"))
      #expect(
        try client.get("/v1/views/stocked/rows?order=on_hand.desc", headers: bearer("shop")).status
          == 200)
    }
  }

  /// Where the whole row is the key, cursors and paths would tell it.
  @Test func capsAreNotGivenAwayByKeys() async throws {
    try await serve { client in
      for target in ["/v1/views/bare/rows?limit=1", "/v1/views/bare/rows/250"] {
        let answer = try client.get(target)
        #expect(answer.status == 403 && answer.body.contains("capped for you"), "\(answer.body)")
      }
      #expect(try client.get("/v1/views/bare/rows?limit=1", headers: bearer("erp")).status == 200)
    }
  }

  @Test func operationsAreForAdmins() async throws {
    try await serve { client in
      let health = try client.get("/healthz")
      #expect(health.status == 200)
      #expect(try client.get("/readyz").status == 200)
      #expect(try client.get("/metrics").status == 401)
      #expect(try client.get("/metrics", headers: bearer("shop")).status == 403)
      #expect(try client.get("/metrics", headers: bearer("ops")).status == 200)
      // Tokens take the place of the Host check.
      #expect(try client.get("/healthz", headers: ["Host": "onhand.example"]).status == 200)
    }
  }

  @Test func pagesOfChosenOriginsReadAnswers() async throws {
    try await serve { client in
      let origin = ["Origin": "https://shop.example"]
      let answer = try client.get("/v1/views/stocked/rows/1,1", headers: origin)
      #expect(answer.fields["access-control-allow-origin"] == "https://shop.example")
      #expect(answer.fields["access-control-expose-headers"]?.contains("Onhand-Position") == true)
      #expect(answer.fields["vary"]?.contains("Origin") == true)
      // Also what went wrong.
      let problem = try client.get("/v1/views/secret", headers: origin)
      #expect(problem.fields["access-control-allow-origin"] == "https://shop.example")
      let foreign = try client.get("/v1/views/stocked", headers: ["Origin": "https://evil.example"])
      #expect(foreign.status == 200 && foreign.fields["access-control-allow-origin"] == nil)

      var preflight = origin
      preflight["Access-Control-Request-Method"] = "POST"
      preflight["Access-Control-Request-Headers"] = "authorization,content-type"
      let allowed = try client.get(
        "/v1/views/stocked/lookup", headers: preflight, method: "OPTIONS")
      #expect(allowed.status == 204)
      #expect(allowed.fields["access-control-allow-methods"] == "POST, OPTIONS")
      for field in ["Authorization", "Last-Event-ID"] {
        #expect(allowed.fields["access-control-allow-headers"]?.contains(field) == true)
      }
      preflight["Origin"] = "https://evil.example"
      let refused = try client.get(
        "/v1/views/stocked/lookup", headers: preflight, method: "OPTIONS")
      #expect(refused.fields["access-control-allow-methods"] == nil)
    }
  }
}

import Capture
import Gateway
import Testing

/// Holds over REST and SQL on a real database, one at a time.
@Suite(.serialized)
struct HoldTests {
  private typealias Shop = HoldShop

  private func serve(
    _ change: (inout Configuration) -> Void = { _ in },
    _ body: (TestService, TestDatabase) async throws -> Void
  ) async throws {
    let shop = try HoldShop(change)
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
}

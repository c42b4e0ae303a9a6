import Capture
import Foundation
import Testing

@testable import Gateway

/// What the contract says of holds, and what is answered.
@Suite(.serialized)
struct HoldContractTests {
  private typealias Shop = HoldShop

  @Test func everyAnswerIsDocumented() async throws {
    let shop = try HoldShop(on: nil) { $0.holds?.activeMax = 3 }
    let contract = try Contract()
    try await TestService.run(shop.configuration) { service in
      func post(
        _ target: String, _ body: String, _ path: String, _ status: Int,
        key: String? = nil, type: String = "application/json"
      ) throws -> HTTPClient.Response {
        var headers = ["Content-Type": type]
        headers["Idempotency-Key"] = key
        let answer = try service.client.post(target, body, headers: headers)
        #expect(answer.status == status, "\(target): \(answer.body)")
        ContractTests().expectDocumented(answer, path, "POST", contract)
        return answer
      }
      func get(_ target: String, _ path: String, _ status: Int) throws {
        let answer = try service.client.get(target)
        #expect(answer.status == status, "\(target): \(answer.body)")
        ContractTests().expectDocumented(answer, path, "GET", contract)
      }
      let holds = "/v1/holds"
      let body = Shop.body(
        Shop.line(1, 2), more: #","reference":"cart","metadata":{"order":[1,{"a":null}]}"#)
      let taken = try post(holds, body, holds, 201, key: "k")
      let id = try #require(taken["hold_id"])
      _ = try post(holds, body, holds, 200, key: "k")
      _ = try post(holds, Shop.body(Shop.line(1, 1)), holds, 422, key: "k")
      _ = try post(holds, Shop.body(Shop.line(1, 99)), holds, 409)
      _ = try post(holds, "{}", holds, 400)
      _ = try post(holds, "{}", holds, 415, type: "text/plain")
      try get("/v1/holds/\(id)", "/v1/holds/{hold}", 200)
      try get("/v1/holds/x", "/v1/holds/{hold}", 404)
      try get("/v1/holds?reference=cart", holds, 200)
      try get("/v1/holds", holds, 400)
      try get(
        "/v1/availability/1/north?explain=true", "/v1/availability/{item}/{location}", 200)
      let explained = try service.client.get("/v1/availability/1/north?explain=true")
      #expect(explained["available"] == "8" && explained.body.contains(id), "\(explained.body)")
      for (action, status) in [
        ("extend", 200), ("confirm", 200), ("settle", 200), ("release", 409),
      ] {
        _ = try post("/v1/holds/\(id)/\(action)", "{}", "/v1/holds/{hold}/\(action)", status)
      }
      for _ in 0..<3 { _ = try post(holds, Shop.body(Shop.line(2, 1)), holds, 201) }
      _ = try post(holds, Shop.body(Shop.line(2, 1)), holds, 429)
    }
  }

  /// A process that is stopped in the midst: 202 with a place to ask at, and nothing while the log lags.
  @Test func withoutTheLogThereIsNoVerdict() async throws {
    try await TestCluster.withCluster { cluster in
      let shop = try HoldShop(on: cluster)
      let contract = try Contract()
      try await TestService.run(shop.configuration) { service in
        let walsender = try shop.database.run(
          "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'")
        let pid = try #require(walsender[0][0].flatMap { pid_t($0) })
        kill(pid, SIGSTOP)
        let pending = try service.client.post(
          "/v1/holds?wait=300ms", HoldShop.body(HoldShop.line(1, 1)),
          headers: ["Idempotency-Key": "k"])
        #expect(pending.status == 202, "\(pending.body)")
        ContractTests().expectDocumented(pending, "/v1/holds", "POST", contract)
        let place = try #require(pending.fields["location"])
        #expect(try service.client.get(place)["status"] == "pending")
        // Whoever was told of it so can do nothing in SQL but give it back.
        let id = try #require(pending["hold_id"])
        for action in ["confirm", "settle"] {
          let early = #expect(throws: PostgresError.self) {
            try shop.database.run("SELECT onhand.\(action)('\(id)')")
          }
          #expect(early?.sqlState == "OH425", "\(early as Any)")
        }
        let again = try service.client.post(
          "/v1/holds", HoldShop.body(HoldShop.line(1, 1)), headers: ["Idempotency-Key": "k"])
        #expect(again.status == 409 && again["code"] == "hold_in_flight", "\(again.body)")
        let confirmed = try service.client.post("\(place)/confirm", "")
        #expect(confirmed["code"] == "hold_in_flight", "\(confirmed.body)")
        try wait("lagging") {
          let late = try service.client.post(
            "/v1/holds?wait=100ms", HoldShop.body(HoldShop.line(2, 1)))
          guard late.status == 503 else { return false }
          ContractTests().expectDocumented(late, "/v1/holds", "POST", contract)
          return late["code"] == "lagging"
        }
        kill(pid, SIGCONT)
        try wait("held") { try service.client.get(place)["status"] == "held" }
        let replayed = try service.client.post(
          "/v1/holds", HoldShop.body(HoldShop.line(1, 1)), headers: ["Idempotency-Key": "k"])
        #expect(replayed.status == 200 && place.hasSuffix(replayed["hold_id"] ?? "?"))
        #expect(try shop.database.run("SELECT onhand.settle('\(id)')")[0][0] == "settled")
      }
    }
  }
}

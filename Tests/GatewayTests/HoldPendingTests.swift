import Capture
import Engine
import Foundation
import Testing

@testable import Gateway

/// Holds that somebody is told of before they are decided: nobody can confirm one, wherever it is tried, and nothing is lost.
@Suite(.serialized)
struct HoldPendingTests {
  private typealias Shop = HoldShop

  /// A process that hears nothing of the log while others go on: its client has an id and no verdict.
  private func withDeafProcess(
    _ body: (_ shop: HoldShop, _ deaf: OnhandProcess, _ other: TestService, _ wake: () -> Void)
      async throws -> Void
  ) async throws {
    try await TestCluster.withCluster { cluster in
      let shop = try HoldShop(on: cluster)
      let deaf = try OnhandProcess(shop, slot: "deaf")
      let walsender = try shop.database.run(
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'deaf%'")
      let pid = try #require(walsender[0][0].flatMap { pid_t($0) })
      var configuration = shop.configuration
      configuration.slot = "other"
      try await TestService.run(configuration) { other in
        kill(pid, SIGSTOP)
        defer { kill(pid, SIGCONT) }
        try await body(shop, deaf, other) { kill(pid, SIGCONT) }
      }
      deaf.kill()
    }
  }

  private func ask(_ process: OnhandProcess, _ quantity: Int) throws -> (HTTPClient, String) {
    let client = try HTTPClient(port: process.port)
    let answer = try client.post(
      "/v1/holds?wait=300ms",
      Shop.body(Shop.line(1, quantity), more: #","reference":"cart""#),
      headers: ["Idempotency-Key": "k"])
    try #require(answer.status == 202, "\(answer.body)")
    return (client, try #require(answer["hold_id"]))
  }

  private func expectUndecided(_ id: String, _ shop: HoldShop, _ other: TestService) throws {
    for action in ["confirm", "settle"] {
      let early = #expect(throws: PostgresError.self) {
        try shop.database.run("SELECT onhand.\(action)('\(id)')")
      }
      #expect(early?.sqlState == "OH425", "\(early as Any)")
      let elsewhere = try other.client.post("/v1/holds/\(id)/\(action)", "")
      #expect(elsewhere["code"] == "hold_in_flight", "\(elsewhere.body)")
    }
    #expect(try other.client.get("/v1/holds/\(id)")["status"] == "pending")
    let listed = try other.client.get("/v1/holds?reference=cart")
    #expect(listed.body.contains(#""hold_id":"\#(id)","status":"pending""#), "\(listed.body)")
  }

  @Test func aPendingHoldThatDoesNotFitIsNeverConfirmed() async throws {
    try await withDeafProcess { shop, deaf, other, wake in
      let taken = try other.client.post("/v1/holds", Shop.body(Shop.line(1, 8)))
      #expect(taken.status == 201, "\(taken.body)")
      // Of ten, as far as the deaf one knows.
      let (client, id) = try ask(deaf, 5)
      try expectUndecided(id, shop, other)
      wake()
      try wait("rejected") { try client.get("/v1/holds/\(id)")["status"] == "rejected" }
      let late = #expect(throws: PostgresError.self) {
        try shop.database.run("SELECT onhand.confirm('\(id)')")
      }
      #expect(late?.sqlState == "OH409")
      let row = try shop.database.run(
        "SELECT available FROM availability WHERE item_id = 1 AND store = 'north'")
      #expect(row[0][0] == "2")
    }
  }

  @Test func aPendingHoldThatFitsIsConfirmedOnceItIsHeld() async throws {
    try await withDeafProcess { shop, deaf, other, wake in
      let (client, id) = try ask(deaf, 5)
      try expectUndecided(id, shop, other)
      wake()
      try wait("held") { try client.get("/v1/holds/\(id)")["status"] == "held" }
      #expect(try shop.database.run("SELECT onhand.confirm('\(id)')")[0][0] == "confirmed")
    }
  }

  /// The process that could decide is gone: another one does, and what it tells holds in SQL as well.
  @Test func aPendingHoldOfADeadProcessIsDecidedByAnother() async throws {
    try await withDeafProcess { shop, deaf, other, _ in
      let (_, id) = try ask(deaf, 5)
      deaf.kill()
      try expectUndecided(id, shop, other)
      try shop.database.run("UPDATE onhand.holds SET created_at = created_at - interval '1 min'")
      try wait("held") { try other.client.get("/v1/holds/\(id)")["status"] == "held" }
      #expect(try shop.database.run("SELECT onhand.settle('\(id)')")[0][0] == "settled")
    }
  }

  @Test func aPendingHoldOfADeadProcessThatDoesNotFitStaysUndecided() async throws {
    try await withDeafProcess { shop, deaf, other, _ in
      #expect(try other.client.post("/v1/holds", Shop.body(Shop.line(1, 8))).status == 201)
      let (_, id) = try ask(deaf, 5)
      deaf.kill()
      try shop.database.run("UPDATE onhand.holds SET created_at = created_at - interval '1 min'")
      try expectUndecided(id, shop, other)
      #expect(try shop.database.run("SELECT onhand.release('\(id)')")[0][0] == "released")
    }
  }

  /// The one that takes another's place is named by nobody before it is granted.
  @Test func whatTakesAPlaceIsNotNamedWhileItIsUndecided() async throws {
    try await withDeafProcess { shop, deaf, other, wake in
      wake()
      let client = try HTTPClient(port: deaf.port)
      let cart = #","reference":"cart""#
      let first = try client.post("/v1/holds", Shop.body(Shop.line(1, 2), more: cart))
      let old = try #require(first["hold_id"])
      // Undecided, as another process would see it.
      let new = "00000000-0000-4000-8000-000000000009"
      try shop.database.run(
        """
        UPDATE onhand.holds SET superseded_by = '\(new)' WHERE id = '\(old)';
        INSERT INTO onhand.holds (id, caller, reference, request_digest, units, instance, expires_at)
        SELECT '\(new)', caller, reference, '', 1, gen_random_uuid(), expires_at FROM onhand.holds
        """)
      let late = #expect(throws: PostgresError.self) {
        try shop.database.run("SELECT onhand.confirm('\(old)')")
      }
      #expect(late?.sqlState == "OH409" && !(late?.message.contains(new) ?? true))
      for process in [client, other.client] {
        let answers = [
          try process.get("/v1/holds/\(old)"), try process.get("/v1/holds?reference=cart"),
          try process.post("/v1/holds/\(old)/confirm", ""),
        ]
        #expect(answers.map(\.status) == [200, 200, 409])
        for answer in answers { #expect(!answer.body.contains(new), "\(answer.body)") }
      }
    }
  }

  /// While inserts hang: what was not sent is taken back, and of what was sent nobody learns an id.
  @Test func nobodyLearnsOfAHoldWhoseRowCannotSaySo() async throws {
    let shop = try HoldShop()
    try await TestService.run(shop.configuration) { service in
      let connection = try shop.database.connect()
      try connection.execute("BEGIN; LOCK TABLE onhand.holds IN EXCLUSIVE MODE")
      let port = service.service.port
      @Sendable func ask(_ number: Int) throws -> HTTPClient.Response {
        try HTTPClient(port: port).post(
          "/v1/holds?wait=300ms", HoldShop.body(HoldShop.line(number, 1)),
          headers: ["Idempotency-Key": "\(number)"])
      }
      let answers = try await withThrowingTaskGroup(of: HTTPClient.Response.self) { group in
        for number in 1...6 { group.addTask { try ask(number) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for answer in answers {
        #expect(answer.status == 503 && answer["code"] == "database_unreachable", "\(answer.body)")
        #expect(!answer.body.contains("hold_id") && answer.fields["location"] == nil)
      }
      let notSent = answers.count { $0.body.contains("was not sent") }
      try connection.execute("COMMIT")
      let rows = try shop.database.run("SELECT count(*) FROM onhand.holds")
      print("not sent \(notSent) of 6, rows \(rows[0][0] ?? "")")
      // The same keys get the same holds, whether they were taken or not.
      try wait("an answer") {
        let again = try (1...6).map(ask)
        return again.allSatisfy { [200, 201].contains($0.status) }
      }
      #expect(
        try shop.database.run("SELECT count(*) FROM onhand.holds WHERE status = 'held'")[0][0]
          == "6")
      #expect(notSent > 0)
    }
  }
}

import Addresses
import Capture
import Engine
import Foundation
import Runtime
import Testing
import Webhooks

@testable import Gateway

/// Webhooks over a real database and real sockets; a receiver in another language is in `scripts/webhooks.d`.
@Suite(.serialized)
struct WebhookTests {
  private func serve(
    webhooks settings: WebhookSettings = WebhookSettings(), windowBytesMax: Int? = nil,
    _ body: (TestDatabase, TestService, HookReceiver) async throws -> Void
  ) async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE items (id int PRIMARY KEY, stock int, note text);
      ALTER TABLE items REPLICA IDENTITY FULL;
      CREATE VIEW stock AS SELECT id, stock, note FROM items;
      """)
    var configuration = try database.prepared([.init(name: "stock", key: ["id"])])
    configuration.webhooks = settings
    configuration.webhooks.allowed = [try #require(AddressRange("127.0.0.1"))]
    if let windowBytesMax { configuration.windowBytesMax = windowBytesMax }
    let receiver = try HookReceiver()
    defer { receiver.stop() }
    try await TestService.run(configuration) { try await body(database, $0, receiver) }
  }

  private func make(_ service: TestService, _ receiver: HookReceiver, _ options: String = "")
    throws -> [String: Any]
  {
    let answer = try service.client.post(
      "/v1/webhooks", #"{"url":"\#(receiver.url)","view":"stock"\#(options)}"#)
    try #require(answer.status == 201, "\(answer.body)")
    return try Self.object(answer.body)
  }

  private static func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func whatEntersChangesAndLeavesTheFilterIsTold() async throws {
    try await serve { database, service, receiver in
      _ = try make(service, receiver, #","filter":{"stock":"lt.10"}"#)
      try database.run("INSERT INTO items VALUES (1, 50, 'a'), (2, 5, 'b')")
      try database.run("UPDATE items SET stock = 9 WHERE id = 1")
      try database.run("UPDATE items SET stock = 8 WHERE id = 1")
      try database.run("UPDATE items SET stock = 11 WHERE id = 1")
      try database.run("UPDATE items SET stock = 12 WHERE id = 1")
      try database.run("DELETE FROM items")
      try wait("five deliveries") { receiver.deliveries.count == 5 }
      let events = try receiver.deliveries.map { try Self.object($0.body) }
      func told(_ id: Int) -> [String] {
        events.compactMap { event in
          let data = event["data"] as? [String: Any]
          let rows = ["old", "new"].map { (data?[$0] as? [String: Any])?["stock"] as? Int }
          guard (data?["key"] as? [String: Any])?["id"] as? Int == id else { return nil }
          let shown = rows.map { $0.map(String.init) ?? "-" }.joined(separator: ">")
          return "\(event["type"] as? String ?? "") \(shown)"
        }
      }
      #expect(told(1) == ["row.inserted ->9", "row.updated 9>8", "row.deleted 8>-"])
      #expect(told(2) == ["row.inserted ->5", "row.deleted 5>-"])
      let data = try #require(events[0]["data"] as? [String: Any])
      #expect(Position(data["position"] as? String ?? "") != nil)
      #expect(data["committed_at"] as? String == events[0]["timestamp"] as? String)
      #expect(Set(receiver.deliveries.map { $0.fields["webhook-id"] }).count == 5)
    }
  }

  @Test func changesShareARequestAsAskedFor() async throws {
    try await serve { database, service, receiver in
      _ = try make(service, receiver, #","batch":{"max":4,"within_ms":100}"#)
      try database.run("INSERT INTO items SELECT n, n, 'x' FROM generate_series(1, 10) n")
      try wait("all of them") { receiver.deliveries.count == 3 }
      let counts = try receiver.deliveries.map { delivery in
        let data = try Self.object(delivery.body)["data"] as? [String: Any]
        return (data?["events"] as? [Any])?.count ?? 1
      }
      #expect(counts.sorted() == [2, 4, 4])
    }
  }

  @Test func aFailureIsRetriedWithTheSameIdAndBody() async throws {
    try await serve { database, service, receiver in
      _ = try make(service, receiver)
      receiver.answer(["500", "503 Retry-After: 1", "302 Location: http://127.0.0.1:1/"])
      try database.run("INSERT INTO items VALUES (1, 1, 'x')")
      try wait("four attempts") { receiver.deliveries.count == 4 }
      #expect(Set(receiver.deliveries.map(\.body)).count == 1)
      #expect(Set(receiver.deliveries.map { $0.fields["webhook-id"] }).count == 1)
      #expect(Set(receiver.deliveries.map { $0.fields["webhook-signature"] }).count > 1)
    }
  }

  @Test func aReceiverThatIsGoneIsAskedNoMoreUntilEnabled() async throws {
    try await serve { database, service, receiver in
      let id = try #require(try make(service, receiver)["id"] as? String)
      receiver.answer(["410"])
      try database.run("INSERT INTO items VALUES (1, 1, 'x')")
      try wait("to be disabled") {
        try service.client.get("/v1/webhooks/\(id)").body.contains(#""disabled_reason":"gone""#)
      }
      try database.run("INSERT INTO items VALUES (2, 1, 'x')")
      #expect(try service.client.send("POST", "/v1/webhooks/\(id)/enable").status == 200)
      try wait("both") { receiver.deliveries.count == 3 }
      #expect(receiver.deliveries[1...].contains { $0.body == receiver.deliveries[0].body })
    }
  }

  @Test func slackAndPagerDutyGetWhatTheyWant() async throws {
    try await serve { database, service, receiver in
      _ = try make(service, receiver, #","template":{"kind":"slack"}"#)
      let pager = try make(
        service, receiver,
        #","template":{"kind":"pagerduty","routing_key":"R0UT1NG","severity":"error"}"#)
      #expect(!"\(pager)".contains("R0UT1NG"), "a routing key is shown to nobody")
      try database.run("INSERT INTO items VALUES (1, 1, 'say \"x\"')")
      try database.run("DELETE FROM items")
      try wait("four deliveries") { receiver.deliveries.count == 4 }
      let bodies = try receiver.deliveries.map { try Self.object($0.body) }
      let texts = bodies.compactMap { $0["text"] as? String }
      #expect(texts.count == 2)
      #expect(
        texts.contains(#"public.stock row.inserted {"id":1,"stock":1,"note":"say \"x\""}"#))
      let pages = bodies.filter { $0["routing_key"] as? String == "R0UT1NG" }
      #expect(
        pages.compactMap { $0["event_action"] as? String }.sorted() == ["resolve", "trigger"])
      #expect(Set(pages.compactMap { $0["dedup_key"] as? String }).count == 1)
      #expect((pages[0]["payload"] as? [String: Any])?["severity"] as? String == "error")
    }
  }

  @Test func whatWasDeliveredCanBeAskedForAgain() async throws {
    try await serve { database, service, receiver in
      let made = try make(service, receiver)
      let id = try #require(made["id"] as? String)
      let start = try #require(made["position"] as? String)
      for item in 1...3 { try database.run("INSERT INTO items VALUES (\(item), 1, 'x')") }
      try wait("three") { receiver.deliveries.count == 3 }
      let again = try service.client.post(
        "/v1/webhooks/\(id)/replay", #"{"after":"\#(start)"}"#)
      #expect(again.status == 200)
      try wait("six") { receiver.deliveries.count == 6 }
      let ids = receiver.deliveries.map { $0.fields["webhook-id"] }
      #expect(Set(ids[..<3]) == Set(ids[3...]))
    }
  }

  @Test func whatIsGivenUpIsParkedAndCanBeAskedForAgain() async throws {
    var settings = WebhookSettings()
    settings.schedule = AttemptSchedule(firstDelay: 5, delayMax: 20, lifetime: 60)
    try await serve(webhooks: settings) { database, service, receiver in
      let id = try #require(try make(service, receiver)["id"] as? String)
      receiver.answer(Array(repeating: "500", count: 9))
      try database.run("INSERT INTO items VALUES (1, 1, 'x')")
      func parked() throws -> Int {
        let body = try service.client.get("/v1/webhooks/\(id)/deliveries").body
        return (try Self.object(body)["parked"] as? [Any])?.count ?? 0
      }
      try wait("to be parked") { try parked() == 1 }
      receiver.answer([])
      try database.run("UPDATE items SET stock = 2 WHERE id = 1")
      let first = receiver.deliveries[0].body
      try wait("the key to go on") { receiver.deliveries.last?.body != first }
      let asked = try service.client.post("/v1/webhooks/\(id)/replay", #"{"parked":true}"#)
      #expect(asked.body == #"{"asked_for":1}"#)
      try wait("the parked one") { receiver.deliveries.last?.body == first }
      #expect(
        receiver.deliveries.last?.fields["webhook-id"]
          == receiver.deliveries[0].fields["webhook-id"])
      try wait("nothing parked") { try parked() == 0 }
    }
  }

  @Test func whatIsNotKeptAnyMoreIsAnnounced() async throws {
    try await serve(windowBytesMax: 5_000) { database, service, receiver in
      let id = try #require(try make(service, receiver)["id"] as? String)
      let disabled = try service.client.send(
        "PATCH", "/v1/webhooks/\(id)", json: #"{"enabled":false}"#)
      #expect(disabled.status == 200)
      try wait("to be disabled") {
        try service.client.get("/v1/webhooks/\(id)").body.contains(#""state":"disabled""#)
      }
      for item in 1...100 { try database.run("INSERT INTO items VALUES (\(item), 1, 'x')") }
      let lsn = try #require(try database.run("SELECT pg_current_wal_lsn()")[0][0])
      _ = try service.rows("stock", at: lsn)
      #expect(try service.client.send("POST", "/v1/webhooks/\(id)/enable").status == 200)
      try wait("the announcement") { !receiver.deliveries.isEmpty }
      let event = try Self.object(receiver.deliveries[0].body)
      #expect(event["type"] as? String == "endpoint.resync")
      #expect((event["data"] as? [String: Any])?["reason"] as? String == "position_gone")
      try database.run("INSERT INTO items VALUES (101, 1, 'x')")
      try wait("what came afterwards") { receiver.deliveries.count == 2 }
      #expect(receiver.deliveries[1].body.contains(#""key":{"id":101}"#))
    }
  }

  @Test func theDutyPassesOnWithTheConnectionThatHoldsIt() async throws {
    try await serve { database, first, receiver in
      let made = try make(first, receiver)
      #expect(made["position"] is String)
      var configuration = try database.prepared([.init(name: "stock", key: ["id"])])
      configuration.webhooks.allowed = [try #require(AddressRange("127.0.0.1"))]
      try await TestService.run(configuration) { second in
        try wait("both to keep changes") {
          try second.metric("onhand_webhook_window_start_bytes") > 0
        }
        for round in 1...6 {
          for item in 1...5 {
            try database.run(
              "INSERT INTO items VALUES (\(round * 10 + item), 1, '\(String(repeating: "x", count: round))')"
            )
          }
          try database.run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND database =
              (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
          try wait("all of round \(round)") {
            Set(receiver.deliveries.map { $0.fields["webhook-id"] }).count == round * 5
          }
        }
        #expect(receiver.deliveries.allSatisfy { !$0.body.contains("resync") })
      }
    }
  }

  @Test func aTestTellsWhatCameOfIt() async throws {
    try await serve { _, service, receiver in
      let id = try #require(try make(service, receiver)["id"] as? String)
      let good = try Self.object(try service.client.post("/v1/webhooks/\(id)/test", "{}").body)
      #expect(good["status"] as? Int == 200 && good["state"] as? String == "delivered")
      receiver.stop()
      let bad = try Self.object(try service.client.post("/v1/webhooks/\(id)/test", "{}").body)
      #expect(bad["failure"] as? String == "connect" && bad["state"] as? String == "failed")
    }
  }

  @Test(arguments: [
    (#"{"view":"stock"}"#, "bad_body"),
    (#"{"url":"http://x.example/","view":"no"}"#, "unknown_view"),
    (#"{"url":"http://10.0.0.1/","view":"stock"}"#, "bad_webhook"),
    (#"{"url":"http://x.example/","view":"stock","filter":{"no":"eq.1"}}"#, "bad_filter"),
    (#"{"url":"http://x.example/","view":"stock","filter":{"stock":"eq.x"}}"#, "bad_filter"),
    (#"{"url":"http://x.example/","view":"stock","batch":{"max":100000}}"#, "bad_body"),
    (#"{"url":"http://x.example/","view":"stock","secret":"whsec_short"}"#, "bad_webhook"),
    (#"{"url":"http://x.example/","view":"stock","secrets":1}"#, "bad_body"),
    (
      #"{"url":"http://x.example/","view":"stock","batch":{"max":2},"template":{"kind":"pagerduty","routing_key":"k"}}"#,
      "bad_webhook"
    ),
  ])
  func whatCanNotBeIsRefused(body: String, code: String) async throws {
    try await serve { _, service, _ in
      let answer = try service.client.post("/v1/webhooks", body)
      #expect(answer.body.contains(#""code":"\#(code)""#), "\(answer.body)")
      #expect(try service.client.get("/v1/webhooks").body == #"{"webhooks":[]}"#)
    }
  }

  /// As a new one is refused.
  @Test(arguments: [
    (#"{"filter":{"no":"eq.1"}}"#, "bad_filter"), (#"{"filter":{"stock":"x"}}"#, "bad_filter"),
    (#"{"filter":{"stock":1}}"#, "bad_filter"), (#"{"url":"http://10.0.0.1/"}"#, "bad_webhook"),
    (#"{"rate":0}"#, "bad_body"),
  ])
  func whatOneCanNotBecomeIsRefused(body: String, code: String) async throws {
    try await serve { _, service, receiver in
      let id = try #require(try make(service, receiver)["id"] as? String)
      let before = try service.client.get("/v1/webhooks/\(id)").body
      let answer = try service.client.send("PATCH", "/v1/webhooks/\(id)", json: body)
      #expect(answer.status == 400)
      #expect(answer.body.contains(#""code":"\#(code)""#), "\(answer.body)")
      let (old, new) = (
        try Self.object(before), try Self.object(service.client.get("/v1/webhooks/\(id)").body)
      )
      for member in ["url", "filter", "rate"] {
        #expect("\(old[member] as Any)" == "\(new[member] as Any)")
      }
    }
  }

  @Test func onlyAdministratorsSeeWebhooks() async throws {
    let database = try TestCluster.database(
      "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t")
    var configuration = try database.prepared(["v"])
    configuration.callers = [
      Caller(name: "shop", tokenDigest: Digest.sha256(Array("shop".utf8)), may: [.read, .hold]),
      Caller(name: "ops", tokenDigest: Digest.sha256(Array("ops".utf8)), may: [.admin]),
    ]
    try await TestService.run(configuration) { service in
      for (token, status) in [("shop", 403), ("ops", 200), ("nobody", 401)] {
        let answer = try service.client.get(
          "/v1/webhooks", headers: ["Authorization": "Bearer \(token)"])
        #expect(answer.status == status)
      }
    }
  }
}

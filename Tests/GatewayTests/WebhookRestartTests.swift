import Addresses
import Capture
import Engine
import Foundation
import TestSupport
import Testing
import Webhooks

@testable import Gateway

/// Webhooks over kills and restarts: what the log on the disk has is delivered, however far behind a receiver was.
@Suite(.serialized)
struct WebhookRestartTests {
  private static let window = 20_000

  private struct Stage {
    let database: TestDatabase
    let folder: KeptFolder
    let receiver: HookReceiver
    var configuration: Configuration

    init() throws {
      database = try TestCluster.database(
        """
        CREATE TABLE items (id int PRIMARY KEY, stock int, note text);
        ALTER TABLE items REPLICA IDENTITY FULL;
        CREATE VIEW stock AS SELECT id, stock, note FROM items;
        """)
      folder = KeptFolder(database)
      receiver = try HookReceiver()
      configuration = try database.prepared(["stock"])
      configuration.webhooks.allowed = [try #require(AddressRange("127.0.0.1"))]
      configuration.dataDirectory = folder.path
      configuration.slot = folder.slot
      configuration.windowBytesMax = WebhookRestartTests.window
    }

    /// A process of its own, once it is ready, and who asks it.
    func start() throws -> (ServeProcess, HTTPClient) {
      let process = try ServeProcess(
        database: configuration.database, views: ["stock"], folder: folder,
        log: folder.path + ".log", environment: ["ONHAND_WEBHOOK_ALLOW": "127.0.0.1"])
      let client = try process.connect()
      try wait("ready") { try client.get("/readyz").status == 200 }
      return (process, client)
    }

    /// Makes an endpoint and disables it, so that it falls behind.
    func makeEndpoint(_ client: HTTPClient) throws -> (id: String, position: String) {
      let answer = try client.post(
        "/v1/webhooks", #"{"url":"\#(receiver.url)","view":"stock"}"#)
      try #require(answer.status == 201, "\(answer.body)")
      let made = try WebhookRestartTests.object(answer.body)
      let id = try #require(made["id"] as? String)
      let position = try #require(made["position"] as? String)
      let state = try client.send("PATCH", "/v1/webhooks/\(id)", json: #"{"enabled":false}"#)
      try #require(state.status == 200)
      try wait("to be disabled") {
        try client.get("/v1/webhooks/\(id)").body.contains(#""state":"disabled""#)
      }
      return (id, position)
    }

    func change(_ rounds: ClosedRange<Int>) throws {
      for round in rounds {
        try database.run(
          """
          INSERT INTO items SELECT n, \(round), repeat('x', 50) FROM generate_series(1, 20) n
          ON CONFLICT (id) DO UPDATE SET stock = excluded.stock
          """)
      }
    }
  }

  private static func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// By item what came, in the order in which it did.
  private static func stocks(_ deliveries: [HookReceiver.Delivery]) throws -> [Int: [Int]] {
    var stocks: [Int: [Int]] = [:]
    for delivery in deliveries {
      let data = try #require(
        try object(delivery.body)["data"] as? [String: Any], "\(delivery.body)")
      let row = try #require(data["new"] as? [String: Any], "\(delivery.body)")
      stocks[try #require(row["id"] as? Int), default: []].append(
        try #require(row["stock"] as? Int))
    }
    return stocks
  }

  private static func ids(_ deliveries: some Sequence<HookReceiver.Delivery>) -> Set<String> {
    Set(deliveries.compactMap { $0.fields["webhook-id"] })
  }

  /// Kills the process that wrote the changes; a window of its own size could not have them either.
  @Test func whatWasMissedBeforeAKillArrivesOnceAndInOrder() async throws {
    let stage = try Stage()
    let (first, client) = try stage.start()
    let (id, start) = try stage.makeEndpoint(client)
    try stage.change(1...40)
    try wait("all of it") {
      try client.get("/v1/views/stock/rows?stock=eq.40").body.contains(#""id":20"#)
    }
    let written = Date()
    // Behind what the log was told last.
    pause(milliseconds: 1_500)
    first.kill()
    try stage.change(41...60)
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      #expect(stage.receiver.deliveries.isEmpty)
      #expect(try service.client.send("POST", "/v1/webhooks/\(id)/enable").status == 200)
      try wait("the newest of each") {
        try Self.stocks(stage.receiver.deliveries).values.filter { $0.last == 60 }.count == 20
      }
      let deliveries = stage.receiver.deliveries
      let stocks = try Self.stocks(deliveries)
      for (item, seen) in stocks {
        // What was committed while nobody ran may have been joined, never what was before.
        #expect(Array(seen.prefix(40)) == Array(1...40), "item \(item)")
        #expect(seen == seen.sorted() && Set(seen).count == seen.count, "item \(item): \(seen)")
      }
      #expect(Self.ids(deliveries).count == deliveries.count, "something came twice")
      #expect(try service.client.get("/v1/webhooks/\(id)").body.contains(#""resyncs":0"#))
      try replay(service, id, #"{"after":"\#(start)"}"#, stage.receiver, expecting: deliveries)
    }
    // By another process once more, and by time.
    let all = Self.ids(stage.receiver.deliveries)
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      let before = stage.receiver.deliveries.count
      // To the second it could be before the first commit, behind which nothing is known.
      let time = written.ISO8601Format(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      let answer = try service.client.post(
        "/v1/webhooks/\(id)/replay", #"{"since":"\#(time)"}"#)
      try #require(answer.status == 200, "\(answer.body)")
      try wait("the newest of each, again") {
        let again = stage.receiver.deliveries[before...]
        return try Self.stocks(Array(again)).values.filter { $0.last == 60 }.count == 20
      }
      #expect(Self.ids(stage.receiver.deliveries[before...]).isSubset(of: all))
      let far = try service.client.post(
        "/v1/webhooks/\(id)/replay", #"{"since":"2020-01-01T00:00:00Z"}"#)
      #expect(far.status == 410 && far.body.contains("position_gone"), "\(far.body)")
    }
  }

  private func replay(
    _ service: TestService, _ id: String, _ body: String, _ receiver: HookReceiver,
    expecting deliveries: [HookReceiver.Delivery]
  ) throws {
    let answer = try service.client.post("/v1/webhooks/\(id)/replay", body)
    try #require(answer.status == 200, "\(answer.body)")
    try wait("all of it again") { receiver.deliveries.count >= 2 * deliveries.count }
    let again = receiver.deliveries[deliveries.count...]
    #expect(Self.ids(again) == Self.ids(deliveries), "other ids")
    let bodies = Set(deliveries.map(\.body))
    #expect(again.allSatisfy { bodies.contains($0.body) })
  }

  @Test func keysThatFailAreReadAgainFromTheDisk() async throws {
    let stage = try Stage()
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      let (id, _) = try stage.makeEndpoint(service.client)
      try stage.change(1...150)
      #expect(try service.client.send("POST", "/v1/webhooks/\(id)/enable").status == 200)
      stage.receiver.answer(Array(repeating: "500", count: 8))
      try wait("the newest of each") {
        let accepted = try Self.stocks(stage.receiver.deliveries)
        return accepted.values.filter { $0.last == 150 }.count == 20
      }
      for (item, seen) in try Self.stocks(stage.receiver.deliveries) {
        #expect(seen == seen.sorted(), "item \(item): \(seen)")
        #expect(Set(seen) == Set(1...150), "item \(item) misses something")
      }
      #expect(try service.client.get("/v1/webhooks/\(id)").body.contains(#""resyncs":0"#))
    }
  }

  @Test func whatRetentionRemovedIsAnnounced() async throws {
    var stage = try Stage()
    stage.configuration.retention.bytes = 300_000
    var (id, start) = ("", "")
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      (id, start) = try stage.makeEndpoint(service.client)
      try stage.change(1...200)
    }
    // The checkpoint at the end lets the old segments go.
    try await TestService.run(stage.configuration) { service in
      try service.waitUntilStreaming()
      try wait("segments to go") {
        let answer = try service.client.get("/v1/views/stock/changes?after=\(start)")
        return answer.status == 410
      }
      let gone = try service.client.post(
        "/v1/webhooks/\(id)/replay", #"{"after":"\#(start)"}"#)
      #expect(gone.status == 410 && gone.body.contains("position_gone"), "\(gone.body)")
      #expect(try service.client.send("POST", "/v1/webhooks/\(id)/enable").status == 200)
      try wait("the announcement") { !stage.receiver.deliveries.isEmpty }
      let event = try Self.object(stage.receiver.deliveries[0].body)
      #expect(event["type"] as? String == "endpoint.resync")
      try stage.change(201...201)
      try wait("what came afterwards") { stage.receiver.deliveries.count == 21 }
    }
  }
}

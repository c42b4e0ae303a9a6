import Foundation
import Testing

@testable import Gateway

@Suite struct ConfigurationTests {
  /// What is read from `yaml` and `environment`, beside what is required.
  private func read(_ yaml: String, _ environment: [String: String] = [:]) throws -> Configuration {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("onhand-\(UUID().uuidString).yaml").path
    let text = "database: postgres://x\nviews: [v]\n\(yaml)"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try ConfigurationReader.read(path: path, environment: environment)
  }

  @Test func limitsComeFromTheFileAndTheEnvironmentOverIt() throws {
    let configuration = try read(
      """
      limits:
        idle_time: 5m
        head_time: 250ms
        connections: 10
        connections_per_address: 0
        body_bytes: 0
      """, ["ONHAND_LIMITS_CONNECTIONS": "20", "ONHAND_LIMITS_DRAIN_TIME": "0"])
    #expect(configuration.limits.idleTime == .seconds(300))
    #expect(configuration.limits.headTime == .milliseconds(250))
    #expect(configuration.limits.connectionsMax == 20)
    #expect(configuration.limits.connectionsPerAddressMax == nil)
    #expect(configuration.limits.request.bodyBytesMax == 0)
    #expect(configuration.drainTime == .zero)
  }

  @Test(arguments: [
    "limits: 3", "limits: {idle: 3s}", "limits: {idle_time: 3}", "limits: {idle_time: -3s}",
    "limits: {idle_time: 2000m}", "limits: {connections: 0}", "limits: {body_bytes: 1e9}",
    "limits: {body_bytes: 99999999999999999999}", "limits: {request_line_bytes: 20000}",
  ])
  func aLimitOutOfItsRangeIsRefusedByName(_ yaml: String) throws {
    let failure = #expect(throws: ConfigurationReader.Failure.self) { try read(yaml) }
    #expect(failure?.key.hasPrefix("limits") == true)
  }

  @Test func holdsAreTakenOnlyWhereTheyAreConfigured() throws {
    let availability =
      "availability: {view: v, item: a, location: b, on_hand: c, held: d, available: e}\n"
    #expect(try read(availability).holds == nil)
    let bare = try #require(try read(availability + "holds: {}").holds)
    #expect(bare.ttl == .seconds(600) && bare.activeMax == 1_000_000 && bare.unitsMax == nil)
    let full = try #require(
      try read(
        availability
          + "holds: {ttl: 90s, ttl_max: 2h, retention: 30d, active: 0, units: 50, per_second: 7}"
      ).holds)
    #expect(full.ttl == .seconds(90) && full.ttlMax == .seconds(7_200))
    #expect(full.retention == .seconds(30 * 86_400))
    #expect(full.activeMax == nil && full.unitsMax == 50 && full.perSecondMax == 7)
  }

  /// `item` and `location` are called so from then on; columns of `key` keep their names.
  @Test func aKeyIsOfAsManyColumnsAsTheViewHas() throws {
    func key(_ members: String) throws -> [String] {
      let configuration = try read("availability: {view: v, on_hand: c, \(members)}")
      return configuration.availability?.columns.key.map { "\($0.name)=\($0.column)" } ?? []
    }
    #expect(try key("item: a") == ["item=a"])
    #expect(try key("item: a, location: b") == ["item=a", "location=b"])
    #expect(try key("key: [a]") == ["a=a"])
    #expect(try key("key: [a, b, c]") == ["a=a", "b=b", "c=c"])
    for (members, blamed) in [
      ("key: [a], item: b", "availability.key"), ("location: b", "availability.item"),
      ("key: []", "availability.key"), ("key: [a, a]", "availability.key"),
      ("key: [a, quantity]", "availability.key[1]"),
      ("key: [a, b, c, d, e, f, g, h, i]", "availability.key"),
    ] {
      let failure = #expect(throws: ConfigurationReader.Failure.self) { try key(members) }
      #expect(failure?.key == blamed, "\(failure as Any)")
    }
  }

  @Test(arguments: [
    "ttl: 0s", "ttl: 3", "ttl: -1s", "ttl: 2d", "ttl_max: 9999999999h", "retention: ever",
    "active: -1", "units: x", "colour: red",
  ])
  func whatHoldsCantBeIsRefusedByName(_ member: String) throws {
    let availability = "availability: {view: v, item: a, location: b, on_hand: c}\n"
    let failure = #expect(throws: ConfigurationReader.Failure.self) {
      try read(availability + "holds: {\(member)}")
    }
    #expect(failure?.key == "holds.\(member.prefix { $0 != ":" })", "\(failure as Any)")
    #expect(throws: ConfigurationReader.Failure.self) { try read("holds: {}") }
  }

  @Test func requestsAreLoggedWhereTheConfigurationSays() throws {
    #expect(try read("").accessLog == nil)
    #expect(try read("access_log: off").accessLog == nil)
    #expect(try read("access_log: \"off\"").accessLog == nil)
    #expect(try read("access_log: stdout").accessLog == .standardOutput)
    #expect(try read("", ["ONHAND_ACCESS_LOG": "stderr"]).accessLog == .standardError)
    #expect(try read("access_log: /tmp/x.log").accessLog == .file("/tmp/x.log"))
    #expect(throws: ConfigurationReader.Failure.self) { try read("access_log: on") }
  }

  @Test func proxiesAreTrustedByAddress() throws {
    _ = try read("trusted_proxies: [10.0.0.0/8, \"::1\"]")
    _ = try read("", ["ONHAND_TRUSTED_PROXIES": "10.0.0.0/8, ::1"])
    #expect(throws: ConfigurationReader.Failure.self) { try read("trusted_proxies: [proxy]") }
    #expect(throws: ConfigurationReader.Failure.self) { try read("trusted_proxies: 10.0.0.1") }
    _ = try read("webhook_allow: [10.0.0.0/8, 10.1.2.3, \"fc00::/7\"]")
    for range in ["10.0.0.1/8", "10/8", "010.0.0.0/8", "0x0a000000/8"] {
      #expect(throws: ConfigurationReader.Failure.self) {
        try read("webhook_allow: [\"\(range)\"]")
      }
    }
  }

  @Test(arguments: LimitSetting.all)
  func theReadmeTellsEachLimitsDefault(_ setting: LimitSetting) throws {
    let readme = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../README.md"), encoding: .utf8)
    let rows = readme.split(separator: "\n").filter { $0.hasPrefix("| `\(setting.name)` |") }
    #expect(rows.count == 1, "\(setting.name)")
    let value = setting.text(in: Configuration())
    #expect(rows.first?.contains("| `\(value)` |") == true, "\(setting.name) is \(value)")
  }

  @Test(arguments: LimitSetting.all)
  func aLimitIsReadAsItIsTold(_ setting: LimitSetting) {
    let configuration = Configuration()
    var other = configuration
    #expect(setting.set(setting.text(in: configuration), in: &other) == nil)
    #expect(setting.text(in: other) == setting.text(in: configuration))
  }

  // MARK: Access

  private static let digest = String(repeating: "0aF9", count: 16)

  @Test func callersAndWhatIsPublicAreRead() throws {
    let configuration = try read(
      """
      listen: 0.0.0.0:8080
      callers:
        - {name: shop, token_sha256: \(Self.digest), may: [read, hold], views: [v, public.v]}
        - {name: ops, token_sha256: \(Self.digest), may: [admin]}
      public: {views: [v, {name: public.v, quantities: [on_hand]}], cap: 10}
      cors: {origins: ["https://shop.example", "http://localhost:3000"]}
      availability: {view: v, item: i, location: l, on_hand: q, held: h, low_stock_threshold: 5}
      """)
    #expect(configuration.callers.map(\.name) == ["shop", "ops"])
    #expect(configuration.callers[0].tokenDigest == (0..<16).flatMap { _ in [0x0A, 0xF9] })
    #expect(configuration.callers[0].may == [.read, .hold])
    #expect(configuration.callers[1].views == nil)
    #expect(configuration.publicAccess?.views.map(\.quantities) == [nil, ["on_hand"]])
    #expect(configuration.publicAccess?.cap == 10)
    #expect(configuration.crossOrigins.origins.count == 2)
    #expect(configuration.availability?.columns.lowStockThreshold == .units(5))
    let column = try read(
      "availability: {view: v, item: i, location: l, on_hand: q, low_stock_threshold: t}")
    #expect(column.availability?.columns.lowStockThreshold == .column("t"))
    let environment = try read("", ["ONHAND_CORS": "{origins: ['*']}"])
    #expect(environment.crossOrigins.origins == ["*"])
  }

  @Test(arguments: [
    ("listen: 0.0.0.0:8080", "listen"), ("callers: []", "callers"),
    ("callers: [{name: a, may: [read]}]", "callers[0].token_sha256"),
    ("callers: [{name: a, token_sha256: 12, may: [read]}]", "callers[0].token_sha256"),
    ("callers: [{name: a, token_sha256: \(digest), may: [write]}]", "callers[0].may[0]"),
    ("callers: [{name: a, token_sha256: \(digest)}]", "callers[0].may"),
    ("callers: [{name: a, token: x, token_sha256: \(digest), may: [read]}]", "callers[0].token"),
    (
      "callers: [{name: a, token_sha256: \(digest), may: [read], views: [w]}]", "callers.a"
    ),
    ("public: {views: [v]}", "public"),
    ("callers: [{name: a, token_sha256: \(digest), may: [read]}]\npublic: {views: [w]}", "public"),
    (
      "callers: [{name: a, token_sha256: \(digest), may: [read]}]\npublic: {views: [v], cap: -1}",
      "public.cap"
    ),
    ("cors: {origins: [shop.example]}", "cors.origins[0]"),
    ("cors: {origins: [\"https://shop.example/\"]}", "cors.origins[0]"),
    ("cors: [\"*\"]", "cors"),
    ("availability: {view: v, item: i, location: l}", "availability.on_hand"),
    ("availability: {view: w, item: i, location: l, on_hand: q}", "availability"),
    (
      "availability: {view: v, item: i, location: l, on_hand: q, low_stock_threshold: -1}",
      "availability.low_stock_threshold"
    ),
  ])
  func whatCannotWorkIsRefusedAtStart(yaml: String, key: String) throws {
    let failure = #expect(throws: ConfigurationReader.Failure.self) { try read(yaml) }
    #expect(failure?.key == key)
  }
}

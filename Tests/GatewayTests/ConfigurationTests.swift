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
}

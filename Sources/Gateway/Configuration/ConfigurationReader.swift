import Addresses
import Capture
import Durability
import Engine
import Foundation
import Server
import Yams

/// Reads a configuration: the file first, then `ONHAND_...` over it.
package struct ConfigurationReader {
  /// What is wrong with it, and where.
  package struct Failure: Error, CustomStringConvertible {
    package let key: String
    package let problem: String
    package var description: String { "\(key): \(problem)" }
  }

  private static let keys = [
    "database", "listen", "views", "append_only", "slot", "publication", "workers", "assets",
    "web", "limits",
    "trusted_proxies", "access_log",
    "callers", "public", "cors", "availability", "holds", "webhook_allow", "webhook_ca_file",
    "data_directory", "retention", "checkpoint",
  ]

  private var configuration = Configuration()

  /// - Parameters:
  ///   - path: of a YAML file; nil to use the environment only.
  ///   - environment: as of the process.
  package static func read(path: String?, environment: [String: String]) throws -> Configuration {
    var reader = ConfigurationReader()
    if let path { try reader.readFile(path) }
    try reader.readEnvironment(environment)
    try reader.check()
    return reader.configuration
  }

  private mutating func readFile(_ path: String) throws {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Failure(key: path, problem: "can't be read; give an existing file with --config")
    }
    try read(yaml: text, path)
  }

  private mutating func read(yaml: String, _ path: String) throws {
    let loaded: Any?
    do { loaded = try Yams.load(yaml: yaml) } catch {
      throw Failure(key: path, problem: "is not YAML: \(error)")
    }
    guard let loaded else { return }
    guard let mapping = loaded as? [String: Any] else {
      throw Failure(key: path, problem: "must be a mapping of keys to values")
    }
    for (key, value) in mapping.sorted(by: { $0.key < $1.key }) { try set(key, value) }
  }

  private mutating func readEnvironment(_ environment: [String: String]) throws {
    for key in Self.keys {
      guard let value = environment["ONHAND_" + key.uppercased()] else { continue }
      switch key {
      case "callers", "public", "cors", "availability", "holds", "retention", "checkpoint":
        guard let value = try? Yams.load(yaml: value) else {
          throw Failure(key: "ONHAND_" + key.uppercased(), problem: "is not YAML")
        }
        try set(key, value)
      case "views", "append_only", "trusted_proxies", "webhook_allow":
        try set(
          key, value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
      default: try set(key, value)
      }
    }
    for setting in LimitSetting.all {
      guard let value = environment["ONHAND_LIMITS_" + setting.name.uppercased()] else { continue }
      try set(limit: setting.name, value)
    }
  }

  private mutating func set(_ key: String, _ value: Any) throws {
    switch key {
    case "database": configuration.database = try text(value, key)
    case "slot": configuration.slot = try text(value, key)
    case "publication": configuration.publication = try text(value, key)
    case "assets": configuration.assets = try text(value, key)
    case "web": try configuration.setWeb(text(value, key))
    case "append_only": configuration.appendOnly = try list(value, key).map { try text($0, key) }
    case "views": configuration.views = try list(value, key).map(view)
    case "listen":
      guard let address = ListenAddress(try text(value, key)) else {
        throw Failure(key: key, problem: "must be host:port, as 127.0.0.1:8080")
      }
      configuration.listen = address
    case "callers": configuration.callers = try AccessSettings.callers(value)
    case "public": configuration.publicAccess = try AccessSettings.publicAccess(value)
    case "cors": configuration.crossOrigins = try AccessSettings.crossOrigins(value)
    case "availability": configuration.availability = try AccessSettings.availability(value)
    case "holds": configuration.holds = try HoldSettings(value)
    case "data_directory": configuration.dataDirectory = try text(value, key)
    case "retention": configuration.retention = try LogRetention(Setting(key, value))
    case "checkpoint": configuration.checkpoint = try CheckpointRhythm(Setting(key, value))
    case "workers":
      guard let count = Int(try text(value, key)), (1...256).contains(count) else {
        throw Failure(key: key, problem: "must be a number from 1 to 256")
      }
      configuration.workers = count
    case "access_log":
      // YAML 1.1 reads a bare `off` as false.
      if value as? Bool == false || value as? String == "off" { break }
      configuration.accessLog = AccessLogTarget(try text(value, key))
    case "trusted_proxies":
      configuration.trustedProxies = try TrustedProxies(list(value, key).map(addressRange))
    case "webhook_allow":
      configuration.webhooks.allowed = try list(value, key).map(webhookRange)
    case "webhook_ca_file": configuration.webhooks.certificates = try text(value, key)
    case "limits":
      guard let mapping = value as? [String: Any] else {
        throw Failure(key: key, problem: "must be a mapping, as {idle_time: 30s}")
      }
      for (name, value) in mapping.sorted(by: { $0.key < $1.key }) { try set(limit: name, value) }
    default:
      throw Failure(
        key: key, problem: "is not a key; known are \(Self.keys.joined(separator: ", "))")
    }
  }

  private func addressRange(_ value: Any) throws -> AddressRange {
    guard let text = value as? String, let range = AddressRange(text) else {
      throw Failure(
        key: "trusted_proxies", problem: "must list addresses or ranges, as 10.0.0.0/8 or ::1")
    }
    return range
  }

  private func webhookRange(_ value: Any) throws -> AddressRange {
    guard let text = value as? String, let range = AddressRange(text), range.isWrittenAsRange
    else {
      throw Failure(
        key: "webhook_allow",
        problem: "must list ranges without bits behind the prefix, as 10.0.0.0/8")
    }
    return range
  }

  private mutating func set(limit name: String, _ value: Any) throws {
    let key = "limits.\(name)"
    guard let setting = LimitSetting.all.first(where: { $0.name == name }) else {
      let known = LimitSetting.all.map(\.name).joined(separator: ", ")
      throw Failure(key: key, problem: "is not a key; known are \(known)")
    }
    if let problem = setting.set(try text(value, key), in: &configuration) {
      throw Failure(key: key, problem: problem)
    }
  }

  private func view(_ value: Any) throws -> CaptureConfiguration.View {
    if let name = value as? String { return CaptureConfiguration.View(name: name) }
    guard let mapping = value as? [String: Any], let name = mapping["name"] as? String else {
      throw Failure(key: "views", problem: "must list names, or {name: ..., key: [...]}")
    }
    if let unknown = mapping.keys.first(where: { $0 != "name" && $0 != "key" }) {
      throw Failure(key: "views.\(name).\(unknown)", problem: "is not a key; known are name, key")
    }
    let key = try mapping["key"].map { value in
      try list(value, "views.\(name).key").map { try text($0, "views.\(name).key") }
    }
    if let key, key.isEmpty || Set(key).count != key.count {
      throw Failure(key: "views.\(name).key", problem: "must name columns, each once")
    }
    return CaptureConfiguration.View(name: name, key: key)
  }

  private func text(_ value: Any, _ key: String) throws -> String {
    switch value {
    case let text as String where !text.isEmpty: return text
    case let number as Int: return String(number)
    default: throw Failure(key: key, problem: "must be a text that is not empty")
    }
  }

  private func list(_ value: Any, _ key: String) throws -> [Any] {
    guard let list = value as? [Any] else { throw Failure(key: key, problem: "must be a list") }
    return list
  }

  private func check() throws {
    guard !configuration.database.isEmpty else {
      throw Failure(
        key: "database", problem: "is missing; give a connection URI, or set ONHAND_DATABASE")
    }
    guard ConnectionString(configuration.database) != nil else {
      throw Failure(
        key: "database",
        problem: "is not a connection string that libpq can read; give "
          + "postgres://user:password@host:port/database with special characters percent-encoded, "
          + "or key=value pairs with 'quoted' values")
    }
    let names = configuration.views.map(\.name)
    if let twice = names.first(where: { name in names.count(where: name.isSameName) > 1 }) {
      throw Failure(key: "views", problem: "names \(twice) twice")
    }
    let request = configuration.limits.request
    guard request.requestLineBytesMax <= request.headBytesMax else {
      throw Failure(
        key: "limits.request_line_bytes", problem: "must not be more than limits.head_bytes")
    }
    try AccessSettings.check(configuration)
  }
}

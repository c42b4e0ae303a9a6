/// How holds are taken and kept.
package struct HoldSettings: Sendable {
  /// How long a hold lasts that names no time, and the longest that one may name.
  package var ttl = Duration.seconds(600)
  package var ttlMax = Duration.seconds(86_400)
  /// How long those that have ended are kept, and with them their idempotency keys.
  package var retention = Duration.seconds(7 * 86_400)
  /// What one caller may have at a time, and take in a second; nil for no limit.
  package var activeMax: Int? = 1_000_000
  package var unitsMax: Int?
  package var perSecondMax: Int?

  package init() {}

  /// Reads `holds:`, whose keys may all be left out.
  init(_ value: Any) throws {
    let members = try Setting("holds", value).members([
      "ttl", "ttl_max", "retention", "active", "units", "per_second",
    ])
    if let setting = members["ttl"] { ttl = try setting.time(max: Self.timeMax) }
    if let setting = members["ttl_max"] { ttlMax = try setting.time(max: Self.timeMax) }
    if let setting = members["retention"] { retention = try setting.time(max: Self.timeMax) }
    if let setting = members["active"] { activeMax = try setting.limit }
    if let setting = members["units"] { unitsMax = try setting.limit }
    if let setting = members["per_second"] { perSecondMax = try setting.limit }
    guard ttl <= ttlMax else {
      throw ConfigurationReader.Failure(key: "holds.ttl", problem: "must not be above ttl_max")
    }
  }

  /// A year: beyond it somebody forgot a unit.
  private static let timeMax = Duration.seconds(365 * 86_400)
}

extension Setting {
  /// A time above 0, as `90s`, `10m` or `2h`.
  fileprivate func time(max: Duration) throws -> Duration {
    guard let time = Duration(text: try text), time > .zero, time <= max else {
      throw ConfigurationReader.Failure(
        key: key, problem: "must be a time up to a year, as 30s, 10m, 2h or 7d")
    }
    return time
  }

  /// A number, 0 for no limit.
  fileprivate var limit: Int? {
    get throws { try units == 0 ? nil : Int(units) }
  }
}

extension Duration {
  /// Reads `500ms`, `30s`, `10m`, `2h` or `7d`; nil for anything else, and above 10,000 days.
  init?(text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), number <= 864_000_000 else { return nil }
    switch text.dropFirst(digits.count) {
    case "ms": self = .milliseconds(number)
    case "s": self = .seconds(number)
    case "m" where number <= 14_400_000: self = .seconds(number * 60)
    case "h" where number <= 240_000: self = .seconds(number * 3_600)
    case "d" where number <= 10_000: self = .seconds(number * 86_400)
    default: return nil
    }
  }
}

import Server

/// One key below `limits`: what it sets and within what.
///
/// The README's table lists them all; a test holds it to that.
struct LimitSetting: Sendable {
  typealias Place<Value> = any WritableKeyPath<Configuration, Value> & Sendable

  enum Kind: Sendable {
    case count(Place<Int>, ClosedRange<Int>)
    /// 0 for no limit.
    case countOrNone(Place<Int?>, max: Int)
    case time(Place<Duration>)
  }

  let name: String
  let kind: Kind

  init(_ name: String, _ kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// A head is parsed anew for each packet of it, so its length is bounded well below a body's.
  private static let headBytesMax = 262_144
  private static let bodyBytesMax = 1 << 30
  private static let timeMax = Duration.seconds(86_400)

  static let all: [LimitSetting] = [
    LimitSetting(
      "request_line_bytes", .count(\.limits.request.requestLineBytesMax, 256...headBytesMax)),
    LimitSetting("head_bytes", .count(\.limits.request.headBytesMax, 512...headBytesMax)),
    LimitSetting("fields", .count(\.limits.request.fieldCountMax, 8...10_000)),
    LimitSetting("body_bytes", .count(\.limits.request.bodyBytesMax, 0...bodyBytesMax)),
    LimitSetting("chunk_line_bytes", .count(\.limits.request.chunkLineBytesMax, 16...65_536)),
    LimitSetting("connections", .count(\.limits.connectionsMax, 1...1_000_000)),
    LimitSetting(
      "connections_per_address", .countOrNone(\.limits.connectionsPerAddressMax, max: 1_000_000)),
    LimitSetting("waiting_requests", .count(\.limits.parkedRequestsMax, 1...1_000_000)),
    LimitSetting("buffered_bytes", .count(\.limits.bufferedBytesMax, 1_048_576...(1 << 40))),
    LimitSetting("idle_time", .time(\.limits.idleTime)),
    LimitSetting("head_time", .time(\.limits.headTime)),
    LimitSetting("body_time", .time(\.limits.bodyTime)),
    LimitSetting("write_stall_time", .time(\.limits.writeStallTime)),
    LimitSetting(
      "write_stall_bytes", .count(\.limits.writeStallBytesMin, 1...16_777_216)),
    LimitSetting("linger_time", .time(\.limits.lingerTime)),
    LimitSetting("session_idle_time", .time(\.limits.sessionIdleTime)),
    LimitSetting("close_time", .time(\.limits.closeTime)),
    LimitSetting("drain_time", .time(\.drainTime)),
    LimitSetting("heartbeat_time", .time(\.heartbeat)),
  ]

  /// Sets it in `configuration`; what is wrong with `text` otherwise.
  func set(_ text: String, in configuration: inout Configuration) -> String? {
    switch kind {
    case .count(let place, let range):
      guard let count = Int(text), range.contains(count) else {
        return "must be a number from \(range.lowerBound) to \(range.upperBound)"
      }
      configuration[keyPath: place] = count
    case .countOrNone(let place, let max):
      guard let count = Int(text), (0...max).contains(count) else {
        return "must be a number up to \(max), or 0 for no limit"
      }
      configuration[keyPath: place] = count == 0 ? nil : count
    case .time(let place):
      guard let time = Duration(configured: text), time <= Self.timeMax else {
        return "must be a time up to a day, as 500ms, 30s or 5m"
      }
      configuration[keyPath: place] = time
    }
    return nil
  }

  /// Its value in `configuration`, as it could be configured.
  func text(in configuration: Configuration) -> String {
    switch kind {
    case .count(let place, _): String(configuration[keyPath: place])
    case .countOrNone(let place, _): String(configuration[keyPath: place] ?? 0)
    case .time(let place): configuration[keyPath: place].configured
    }
  }
}

extension Duration {
  /// Reads `500ms`, `30s`, `5m` or `0`.
  init?(configured text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
    switch text.dropFirst(digits.count) {
    case "ms": self = .milliseconds(number)
    case "s": self = .seconds(number)
    case "m": self = .seconds(number * 60)
    case "" where number == 0: self = .zero
    default: return nil
    }
  }

  /// As `init(configured:)` reads it.
  var configured: String {
    let milliseconds = components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
  }
}

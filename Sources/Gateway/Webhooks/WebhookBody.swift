import Engine
import HTTPWire
import JSONWire
import Webhooks

/// The options of an endpoint as a request gives them; what it does not name stays.
struct WebhookBody: Sendable {
  private let members: [String: JSONValue]

  static let options = [
    "url", "filter", "description", "batch", "coalesce", "rate", "concurrency", "timeout_ms",
    "template",
  ]
  private static let batchMax = 1_000
  private static let batchTimeMax: Int64 = 60_000
  private static let rateMax = 10_000
  private static let concurrencyMax = 64
  private static let timeoutRange = 1_000...30_000
  private static let descriptionLengthMax = 500
  private static let routingKeyBytesMax = 64
  private static let filterBytesMax = 65_536

  /// - Parameter names: of members that are taken beside the options.
  init(_ request: borrowing Request, besides names: [String]) throws(Refused) {
    members = try request.json().root.members(known: Self.options + names)
  }

  subscript(name: String) -> JSONValue? { members[name] }

  func url(_ guardian: AddressGuard) throws(Refused) -> WebhookURL? {
    guard let member = members["url"] else { return nil }
    guard let text = member.string else { throw Refused(.badBody, "url must be a string") }
    do throws(WebhookURL.Fault) {
      return try WebhookURL(text, guardian)
    } catch {
      throw Refused(.badWebhook, error.description)
    }
  }

  /// Alters `endpoint` in all but its URL and its filter.
  func apply(to endpoint: inout WebhookEndpoint) throws(Refused) {
    if let member = members["description"] {
      guard let text = member.string, text.unicodeScalars.count <= Self.descriptionLengthMax else {
        throw Refused(
          .badBody,
          "description must be a string of at most \(Self.descriptionLengthMax) characters")
      }
      endpoint.description = text
    }
    if let member = members["coalesce"] {
      guard case .bool(let flag) = member.kind else {
        throw Refused(.badBody, "coalesce must be true or false")
      }
      endpoint.options.coalesces = flag
    }
    if let member = members["rate"] {
      endpoint.options.rate =
        member.kind == .null ? nil : try Self.number(member, "rate", 1...Self.rateMax)
    }
    if let member = members["concurrency"] {
      endpoint.options.concurrency = try Self.number(
        member, "concurrency", 1...Self.concurrencyMax)
    }
    if let member = members["timeout_ms"] {
      endpoint.timeout = .milliseconds(
        try Self.number(member, "timeout_ms", Self.timeoutRange))
    }
    try applyBatch(to: &endpoint)
    if let member = members["template"] { endpoint.template = try Self.template(member) }
    if case .pagerDuty = endpoint.template, endpoint.options.batchMax > 1 {
      throw Refused(.badWebhook, "pagerduty takes one event at a time: leave batch out")
    }
  }

  private func applyBatch(to endpoint: inout WebhookEndpoint) throws(Refused) {
    guard let member = members["batch"] else { return }
    guard member.kind != .null else {
      endpoint.options.batchMax = 1
      endpoint.options.batchTime = 0
      return
    }
    let batch = try member.members(known: ["max", "within_ms"])
    if let max = batch["max"] {
      endpoint.options.batchMax = try Self.number(max, "batch.max", 1...Self.batchMax)
    }
    if let time = batch["within_ms"] {
      endpoint.options.batchTime = Int64(
        try Self.number(time, "batch.within_ms", 0...Int(Self.batchTimeMax)))
    }
  }

  private static func number(_ value: JSONValue, _ name: String, _ range: ClosedRange<Int>)
    throws(Refused) -> Int
  {
    guard let number = value.wholeNumber.map(Int.init), range.contains(number) else {
      throw Refused(
        .badBody, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private static func template(_ value: JSONValue) throws(Refused) -> MessageTemplate {
    let members = try value.members(known: ["kind", "routing_key", "severity"])
    let kind = members["kind"]?.string
    switch kind {
    case "standard", "slack":
      _ = try value.members(known: ["kind"])
      return kind == "slack" ? .slack : .standard
    case "pagerduty":
      guard let key = members["routing_key"]?.string,
        (1...Self.routingKeyBytesMax).contains(key.utf8.count),
        key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
      else { throw Refused(.badWebhook, "pagerduty needs the routing_key of a service") }
      guard
        let severity = members["severity"].map({ $0.string.flatMap(MessageTemplate.Severity.init) })
          ?? .warning
      else {
        throw Refused(.badWebhook, "severity must be critical, error, warning or info")
      }
      return .pagerDuty(routingKey: key, severity: severity)
    default:
      throw Refused(.badWebhook, "template.kind must be standard, slack or pagerduty")
    }
  }

  /// The filter, checked against the view that it is for; nil where none is given.
  func filter(for view: LiveView) throws(Refused) -> [WebhookEndpoint.FilterCondition]? {
    guard let member = members["filter"] else { return nil }
    guard let conditions = member.members else {
      throw Refused(.badBody, "filter must be an object, as {\"stock\":\"lt.10\"}")
    }
    var filter: [WebhookEndpoint.FilterCondition] = []
    for (name, value) in conditions {
      guard let text = value.string else {
        throw Refused(.badFilter, "\(name) must be a string, as \"lt.10\"", parameter: name)
      }
      filter.append(WebhookEndpoint.FilterCondition(name: name, value: text))
    }
    guard FilterJSON.write(filter).utf8.count <= Self.filterBytesMax else {
      throw Refused(.badFilter, "the filter has more than \(Self.filterBytesMax) bytes")
    }
    do throws(QueryFault) {
      _ = try EventFilter(filter.map { ($0.name, $0.value) }, view)
    } catch {
      throw Refused(.badFilter, error.description)
    }
    return filter
  }

  var secret: SigningSecret? {
    get throws(Refused) {
      try members["secret"].map(Self.secret)
    }
  }

  static func secret(_ value: JSONValue) throws(Refused) -> SigningSecret {
    guard let secret = value.string.flatMap({ SigningSecret(text: $0) }) else {
      throw Refused(
        .badWebhook, "secret must be whsec_ and 24 to 64 bytes in base64, or be left out")
    }
    return secret
  }
}

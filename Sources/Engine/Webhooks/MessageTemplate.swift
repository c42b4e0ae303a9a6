/// What the body of a delivery looks like.
package enum MessageTemplate: Hashable, Sendable {
  /// ``EventBody``: Onhand's own.
  case standard
  /// A Slack incoming webhook: `{"text": ...}`.
  case slack
  /// PagerDuty's Events API v2: a row that enters triggers an incident, one that leaves resolves it.
  case pagerDuty(routingKey: String, severity: Severity)

  package enum Severity: String, Sendable, CaseIterable { case critical, error, warning, info }

  /// Bytes of a row in a text for people.
  private static let textBytesMax = 2_000
  /// PagerDuty's own bound for a summary.
  private static let summaryBytesMax = 1_000

  /// - Parameters:
  ///   - standard: writes Onhand's own form.
  ///   - identify: a short text that is the same for all events of a row.
  package func write(
    _ events: [WebhookEvent], _ body: EventBody, identify: (WebhookEvent) -> String
  ) -> [UInt8] {
    switch self {
    case .standard: return body.write(events)
    case .slack:
      var json = Array("{\"text\":".utf8)
      let lines = events.map { body.line(for: $0, bytesMax: Self.textBytesMax) }
      JSONText.write(text: lines.joined(separator: "\n"), to: &json)
      json.append(UInt8(ascii: "}"))
      return json
    case .pagerDuty(let routingKey, let severity):
      guard let event = events.last else { return [] }
      return pagerDuty(event, body, routingKey, severity, identify(event))
    }
  }

  private func pagerDuty(
    _ event: WebhookEvent, _ body: EventBody, _ routingKey: String, _ severity: Severity,
    _ identity: String
  ) -> [UInt8] {
    var json = Array("{\"routing_key\":".utf8)
    JSONText.write(text: routingKey, to: &json)
    let action = event.kind == .deleted ? "resolve" : "trigger"
    json += ",\"event_action\":\"\(action)\",\"dedup_key\":\"\(identity)\"".utf8
    json += ",\"payload\":{\"summary\":".utf8
    JSONText.write(text: body.line(for: event, bytesMax: Self.summaryBytesMax), to: &json)
    json += ",\"source\":\"onhand\",\"severity\":\"\(severity.rawValue)\",\"custom_details\":".utf8
    json += body.write([event])
    json += "}}".utf8
    return json
  }
}

extension EventBody {
  /// One event in words: `public.low_stock_alerts row.inserted {"product_id":1,...}`.
  func line(for event: WebhookEvent, bytesMax: Int) -> String {
    let text: String
    switch event.content {
    case .row(let change, _, let hasRow):
      let row = change.withRows { old, new in
        String(decoding: json(hasRow ? new : old), as: UTF8.self)
      }
      text = "\(name) \(event.kind?.rawValue ?? "") \(row)"
    case .resync(let after):
      text = "\(name) endpoint.resync: what changed after \(after) is to be read from the view"
    }
    guard text.utf8.count > bytesMax else { return text }
    return String(decoding: text.utf8.prefix(bytesMax - 3), as: UTF8.self) + "..."
  }
}

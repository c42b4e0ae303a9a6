import Engine
import JSONWire

/// An endpoint's filter as JSON: `{"stock":"lt.10"}`.
package enum FilterJSON {
  package static func write(_ filter: [WebhookEndpoint.FilterCondition]) -> String {
    var json: [UInt8] = [UInt8(ascii: "{")]
    for (index, condition) in filter.enumerated() {
      if index > 0 { json.append(UInt8(ascii: ",")) }
      JSONText.write(text: condition.name, to: &json)
      json.append(UInt8(ascii: ":"))
      JSONText.write(text: condition.value, to: &json)
    }
    json.append(UInt8(ascii: "}"))
    return String(decoding: json, as: UTF8.self)
  }

  /// What is no string is left out.
  static func read(_ text: String) -> [WebhookEndpoint.FilterCondition] {
    (JSONDocument.of(text)?.root.members ?? []).compactMap { name, value in
      value.string.map { WebhookEndpoint.FilterCondition(name: name, value: $0) }
    }
  }
}

/// An endpoint's template as JSON: `{"kind":"slack"}`.
package enum TemplateJSON {
  package static func write(_ template: MessageTemplate) -> String {
    switch template {
    case .standard: return "{\"kind\":\"standard\"}"
    case .slack: return "{\"kind\":\"slack\"}"
    case .pagerDuty(let routingKey, let severity):
      var json = Array(
        "{\"kind\":\"pagerduty\",\"severity\":\"\(severity.rawValue)\",\"routing_key\":".utf8)
      JSONText.write(text: routingKey, to: &json)
      json.append(UInt8(ascii: "}"))
      return String(decoding: json, as: UTF8.self)
    }
  }

  static func read(_ text: String) -> MessageTemplate? {
    guard let root = JSONDocument.of(text)?.root else { return nil }
    switch root["kind"]?.string {
    case "standard": return .standard
    case "slack": return .slack
    case "pagerduty":
      let severity = root["severity"]?.string.flatMap(MessageTemplate.Severity.init) ?? .warning
      return root["routing_key"]?.string.map { .pagerDuty(routingKey: $0, severity: severity) }
    default: return nil
    }
  }
}

extension JSONDocument {
  /// Nil for what is no JSON.
  static func of(_ text: String) -> JSONDocument? {
    var text = text
    return text.withUTF8 { try? JSONDocument(UnsafeRawBufferPointer($0)) }
  }
}

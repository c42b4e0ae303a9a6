import Engine
import HTTPWire
import Webhooks

/// Writes what is answered about endpoints.
enum WebhookWriter {
  /// - Parameter secret: shown to whoever just made it, and never again.
  static func write(
    _ state: EndpointState, secret: SigningSecret? = nil, to body: inout ByteBuffer
  ) {
    let endpoint = state.endpoint
    let options = endpoint.options
    body.append("{\"id\":\"\(endpoint.id)\",\"url\":")
    body.append(jsonString: endpoint.url)
    body.append(",\"view\":")
    body.append(jsonString: endpoint.view.description)
    body.append(",\"filter\":\(FilterJSON.write(endpoint.filter)),\"description\":")
    body.append(jsonString: endpoint.description)
    body.append(",\"batch\":{\"max\":\(options.batchMax),\"within_ms\":\(options.batchTime)}")
    body.append(",\"coalesce\":\(options.coalesces)")
    body.append(",\"rate\":\(options.rate.map { String($0) } ?? "null")")
    body.append(",\"concurrency\":\(options.concurrency)")
    body.append(",\"timeout_ms\":\(Int(endpoint.timeout / .milliseconds(1)))")
    body.append(",\"template\":\(template(endpoint.template))")
    body.append(",\"enabled\":\(endpoint.isEnabled),\"disabled_reason\":")
    if let reason = endpoint.disabledReason {
      body.append(jsonString: reason)
    } else {
      body.append("null")
    }
    if let secret { body.append(",\"secret\":\"\(secret.revealed)\"") }
    body.append(",\"secrets\":\(endpoint.secrets.count)")
    body.append(",\"position\":\(state.cursor.map { "\"\($0)\"" } ?? "null")")
    body.append(",\"health\":\(state.health ?? "null")}")
  }

  /// Without the routing key, which lets its holder send.
  private static func template(_ template: MessageTemplate) -> String {
    switch template {
    case .standard: "{\"kind\":\"standard\"}"
    case .slack: "{\"kind\":\"slack\"}"
    case .pagerDuty(_, let severity):
      "{\"kind\":\"pagerduty\",\"severity\":\"\(severity.rawValue)\"}"
    }
  }

  static func write(_ states: [EndpointState], to body: inout ByteBuffer) {
    body.append("{\"webhooks\":[")
    for (index, state) in states.enumerated() {
      if index > 0 { body.append(",") }
      write(state, to: &body)
    }
    body.append("]}")
  }

  static func write(attempts: [String], parked: [String], to body: inout ByteBuffer) {
    body.append("{\"attempts\":[\(attempts.joined(separator: ","))]")
    body.append(",\"parked\":[\(parked.joined(separator: ","))]}")
  }
}

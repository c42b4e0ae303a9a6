import Engine

extension EndpointRunner {
  func nextTime(now: Int64) -> Int64? {
    guard isRunning else { return nil }
    return nextOutboxTime(now: now)
  }

  /// What people should know of the endpoint, as JSON.
  var healthJSON: String {
    var json: [UInt8] = []
    json += "{\"state\":\"\(state)\",\"detail\":".utf8
    if let detail { JSONText.write(text: detail, to: &json) } else { JSONText.writeNull(to: &json) }
    json += ",\"owed\":\(outbox?.owedChanges ?? 0),\"under_way\":\(outbox?.underWay ?? 0)".utf8
    json += ",\"failing_keys\":\(outbox?.exceptionCount ?? 0)".utf8
    json += ",\"delivered\":\(counts.delivered),\"failed\":\(counts.failed)".utf8
    json += ",\"parked\":\(counts.parked),\"resyncs\":\(counts.resyncs)".utf8
    json += ",\"last_failure\":".utf8
    if let lastFailure {
      JSONText.write(text: lastFailure, to: &json)
    } else {
      JSONText.writeNull(to: &json)
    }
    json.append(UInt8(ascii: "}"))
    return String(decoding: json, as: UTF8.self)
  }

  private var detail: String? {
    endpoint.isEnabled
      ? trouble ?? (url == nil ? "its URL is refused" : nil) : endpoint.disabledReason
  }

  /// A word of a closed set.
  private var state: String {
    guard endpoint.isEnabled else { return "disabled" }
    guard trouble == nil, url != nil, let outbox else { return "waiting" }
    switch outbox.breakerState {
    case .closed: return outbox.exceptionCount == 0 ? "healthy" : "failing"
    case .open, .probing: return "down"
    }
  }
}

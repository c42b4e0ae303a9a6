import HTTPWire

/// Why the server itself does not serve a request that may be fine.
enum ServerRefusal: String {
  case requestTimeout = "request_timeout"
  case serverBusy = "server_busy"
  case parkedTooMany = "parked_requests_too_many"
  case connectionsTooMany = "connections_too_many"

  var status: Status {
    switch self {
    case .requestTimeout: .requestTimeout
    case .serverBusy, .parkedTooMany, .connectionsTooMany: .serviceUnavailable
    }
  }
}

extension Response {
  /// Makes this the problem document (RFC 9457) of a refusal.
  mutating func refuse(_ status: Status, code: String) {
    reset()
    self.status = status
    if status == .serviceUnavailable { addField("Retry-After", "1") }
    mediaType = .problem
    body.append("{\"status\":")
    body.append(decimal: Int(status.rawValue))
    body.append(",\"code\":\"")
    body.append(code)
    body.append("\"}")
  }
}

import HTTPWire

/// Why the server itself does not serve a request that may be fine.
package enum ServerRefusal: String, ProblemCode {
  case requestTimeout = "request_timeout"
  case serverBusy = "server_busy"
  case parkedTooMany = "parked_requests_too_many"
  case parkedOfAddressTooMany = "parked_requests_of_address_too_many"
  case connectionsTooMany = "connections_too_many"

  package var status: Status {
    switch self {
    case .requestTimeout: .requestTimeout
    case .parkedOfAddressTooMany: .tooManyRequests
    case .serverBusy, .parkedTooMany, .connectionsTooMany: .serviceUnavailable
    }
  }

  package var detail: StaticString {
    switch self {
    case .requestTimeout: "The request did not arrive in time"
    case .serverBusy: "No memory is left for the rest of the request"
    case .parkedTooMany: "Too many requests wait already"
    case .parkedOfAddressTooMany: "Too many requests from this address wait already"
    case .connectionsTooMany: "Too many connections are open, in all or from this address"
    }
  }
}

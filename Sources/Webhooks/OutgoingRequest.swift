import Engine

/// One POST to a receiver.
struct OutgoingRequest {
  let url: WebhookURL
  /// `name: value` each.
  let headers: [String]
  let body: [UInt8]
  let timeout: Duration
}

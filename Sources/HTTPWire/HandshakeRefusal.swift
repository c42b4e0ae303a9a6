/// Why a request does not open a WebSocket (RFC 6455 4.2).
package enum HandshakeRefusal: String, Error, ProblemCode {
  case upgradeMissing = "websocket_upgrade_missing"
  case versionUnsupported = "websocket_version_unsupported"
  case keyInvalid = "websocket_key_invalid"
  case fieldsInvalid = "websocket_fields_invalid"

  package var status: Status {
    switch self {
    case .upgradeMissing, .versionUnsupported: .upgradeRequired
    case .keyInvalid, .fieldsInvalid: .badRequest
    }
  }

  package var detail: StaticString {
    switch self {
    case .upgradeMissing: "This resource is a WebSocket: ask by GET, HTTP/1.1, to upgrade"
    case .versionUnsupported: "Version 13 of the WebSocket protocol is spoken"
    case .keyInvalid: "Sec-WebSocket-Key is 16 bytes in base64, once"
    case .fieldsInvalid: "The subprotocols or extensions offered are not a list of tokens"
    }
  }
}

extension Response {
  /// Makes this the refusal of a WebSocket, with what the client needs to ask rightly.
  package mutating func refuse(handshake refusal: HandshakeRefusal) {
    refuse(refusal)
    guard status == .upgradeRequired else { return }
    // RFC 9110 15.5.22 wants the first two, RFC 6455 4.4 the last.
    addField("Upgrade", "websocket")
    addField("Connection", "Upgrade")
    addField("Sec-WebSocket-Version", "13")
  }
}

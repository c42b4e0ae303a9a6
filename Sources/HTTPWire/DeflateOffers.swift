/// What a client offers in `Sec-WebSocket-Extensions`, in the order of its preference (RFC 6455 9.1, RFC 7692 5).
///
/// Other extensions, and offers with what RFC 7692 7.1 does not have, are declined.
struct DeflateOffers {
  /// From the first offer that is acceptable; nil for none.
  private(set) var agreement: DeflateAgreement?
  /// Whether all fields were lists of extensions.
  private(set) var isValid = true

  /// Takes one field's value.
  mutating func add(_ field: ByteView) {
    var rest = field
    while !rest.isEmpty {
      let offer = rest.split(at: UInt8(ascii: ",")).trimmed
      if !offer.isEmpty { consider(offer) }
    }
  }

  private mutating func consider(_ offer: ByteView) {
    var rest = offer
    let name = rest.split(at: UInt8(ascii: ";")).trimmed
    guard Self.isToken(name), offer[offer.count - 1] != UInt8(ascii: ";") else {
      isValid = false
      return
    }
    var parameters = DeflateParameters()
    while !rest.isEmpty {
      var parameter = rest.split(at: UInt8(ascii: ";")).trimmed
      let hasValue = parameter.firstIndex(of: UInt8(ascii: "=")) != nil
      let parameterName = parameter.split(at: UInt8(ascii: "=")).trimmed
      let value = hasValue ? Self.unquoted(parameter.trimmed) : nil
      guard Self.isToken(parameterName), value.map(Self.isToken) ?? !hasValue else {
        isValid = false
        return
      }
      parameters.take(parameterName, value)
    }
    guard agreement == nil, name.equalsIgnoringCase("permessage-deflate"),
      parameters.isAcceptable
    else { return }
    agreement = DeflateAgreement(serverWindowBits: parameters.serverWindowBits)
  }

  private static func isToken(_ text: ByteView) -> Bool {
    !text.isEmpty && text.bytes.allSatisfy(ByteClass.isToken)
  }

  /// What is quoted has to be a token all the same, so nothing in it needs an escape.
  private static func unquoted(_ value: ByteView) -> ByteView {
    let quote = UInt8(ascii: "\"")
    guard value.count >= 2, value[0] == quote, value[value.count - 1] == quote else {
      return value
    }
    return value[1..<value.count - 1]
  }
}

/// The parameters of one offer (RFC 7692 7.1).
private struct DeflateParameters {
  private(set) var serverWindowBits: Int?
  private(set) var isAcceptable = true
  private var seen: Set<Name> = []

  private enum Name: Hashable {
    case serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits

    init?(_ name: ByteView) {
      if name == "server_no_context_takeover" {
        self = .serverNoContextTakeover
      } else if name == "client_no_context_takeover" {
        self = .clientNoContextTakeover
      } else if name == "server_max_window_bits" {
        self = .serverMaxWindowBits
      } else if name == "client_max_window_bits" {
        self = .clientMaxWindowBits
      } else {
        return nil
      }
    }
  }

  mutating func take(_ name: ByteView, _ value: ByteView?) {
    guard let name = Name(name), seen.insert(name).inserted, accept(name, value) else {
      isAcceptable = false
      return
    }
  }

  private mutating func accept(_ name: Name, _ value: ByteView?) -> Bool {
    switch name {
    case .serverNoContextTakeover, .clientNoContextTakeover:
      return value == nil
    case .serverMaxWindowBits:
      serverWindowBits = value.flatMap(Self.windowBits)
      return serverWindowBits != nil
    case .clientMaxWindowBits:
      // Whatever the client's window, ours for reading it has the largest size.
      return value.map { Self.windowBits($0) != nil } ?? true
    }
  }

  /// RFC 7692 7.1.2.1: 8 to 15 without leading zeros.
  private static func windowBits(_ value: ByteView) -> Int? {
    guard value[0] != UInt8(ascii: "0"), let bits = value.decimal,
      DeflateAgreement.windowBits.contains(bits)
    else { return nil }
    return bits
  }
}

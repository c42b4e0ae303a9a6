/// What a client asks for that opens a WebSocket (RFC 6455 4.2.1).
package struct WebSocketHandshake: Sendable {
  /// 16 bytes in base64, from which the answer's proof is made.
  package let key: String
  /// As offered, the most wanted first.
  package let subprotocols: [String]
  /// What is agreed on about compression; nil for none.
  package let deflate: DeflateAgreement?

  private static let keyBytes = 24
  /// Those beyond it are not looked at.
  private static let subprotocolsMax = 32

  package init(_ request: borrowing Request) throws(HandshakeRefusal) {
    guard request.method == .get, request.version == .http11,
      request.listsItem("websocket", in: "upgrade"), request.listsItem("upgrade", in: "connection")
    else { throw .upgradeMissing }
    guard let version = Self.single("sec-websocket-version", of: request), version == "13" else {
      throw .versionUnsupported
    }
    guard let key = Self.single("sec-websocket-key", of: request), Self.isKey(key) else {
      throw .keyInvalid
    }
    guard let names = Self.subprotocols(of: request) else { throw .fieldsInvalid }
    var offers = DeflateOffers()
    request.forEachValue(of: "sec-websocket-extensions") { offers.add($0) }
    guard offers.isValid else { throw .fieldsInvalid }
    self.key = key.string
    subprotocols = names
    deflate = offers.agreement
  }

  private static func single(_ name: StaticString, of request: borrowing Request) -> ByteView? {
    var (value, count): (ByteView?, Int) = (nil, 0)
    request.forEachValue(of: name) {
      value = $0
      count += 1
    }
    return count == 1 ? value : nil
  }

  private static func isKey(_ key: ByteView) -> Bool {
    guard key.count == keyBytes, key[22] == UInt8(ascii: "="), key[23] == UInt8(ascii: "=") else {
      return false
    }
    return key.bytes[..<22].allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"): true
      default: false
      }
    }
  }

  /// Nil where one is no token.
  private static func subprotocols(of request: borrowing Request) -> [String]? {
    var names: [String] = []
    var isValid = true
    request.forEachItem(of: "sec-websocket-protocol") { name in
      if !name.bytes.allSatisfy(ByteClass.isToken) { isValid = false }
      if names.count < subprotocolsMax { names.append(name.string) }
    }
    return isValid ? names : nil
  }
}

extension Request {
  /// The items of the list that the fields called `name` make up together (RFC 9110 5.6.1); empty ones are none.
  fileprivate func forEachItem(of name: StaticString, _ body: (ByteView) -> Void) {
    forEachValue(of: name) { value in
      var rest = value
      while !rest.isEmpty {
        let item = rest.split(at: UInt8(ascii: ",")).trimmed
        if !item.isEmpty { body(item) }
      }
    }
  }

  fileprivate func listsItem(_ item: StaticString, in name: StaticString) -> Bool {
    var isFound = false
    forEachItem(of: name) { if $0.equalsIgnoringCase(item) { isFound = true } }
    return isFound
  }
}

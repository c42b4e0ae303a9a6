import Addresses

/// A receiver's address, read strictly and written in one canonical way, so that what was checked is what is connected to.
package struct WebhookURL: Hashable, Sendable, CustomStringConvertible {
  package enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong, notASCII, schemeUnknown, hasUserinfo, hasFragment, hostMalformed, portMalformed
    /// A character that no URL has, or not here.
    case malformed
    /// The host is, or always leads to, an address that is not sent to.
    case addressRefused

    package var description: String {
      switch self {
      case .tooLong: "the URL has more than \(WebhookURL.bytesMax) bytes"
      case .notASCII:
        "the URL has characters that are not ASCII: write the host in Punycode, percent-encode the rest"
      case .schemeUnknown: "the URL must begin with https:// or http://"
      case .hasUserinfo: "the URL must not name a user or password"
      case .hasFragment: "the URL must not have a fragment"
      case .hostMalformed: "the URL's host is neither a name nor an address"
      case .portMalformed: "the URL's port must be a number from 1 to 65535"
      case .malformed: "the URL has a character that must be percent-encoded"
      case .addressRefused:
        "the URL leads to a private, local or reserved address; webhook_allow can list it"
      }
    }
  }

  package let isSecure: Bool
  /// In lower case; an address in decimal or, with brackets, hexadecimal form.
  package let host: String
  package let port: UInt16
  /// Path and query.
  package let target: String
  /// The address, if the host is one.
  package let address: IPAddress?

  package static let bytesMax = 2_048

  package init(_ text: String, _ guardian: AddressGuard) throws(Fault) {
    guard text.utf8.count <= Self.bytesMax else { throw .tooLong }
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw .notASCII }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !Self.neverAllowed.contains($0) })
    else { throw .malformed }
    guard !text.contains("#") else { throw .hasFragment }
    let rest: Substring
    (isSecure, rest) = try Self.scheme(text)
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.contains("@") else { throw .hasUserinfo }
    let (name, portText) = try Self.split(authority)
    port = try Self.port(portText) ?? (isSecure ? 443 : 80)
    (host, address) = try Self.host(name)
    let tail = rest[end...]
    target = tail.hasPrefix("/") ? String(tail) : "/" + tail
    if let address {
      guard guardian.permits(address) else { throw .addressRefused }
    } else if Self.isLocal(host) {
      // RFC 6761 6.3: always this machine.
      guard guardian.permits(IPAddress(ipv4: 0x7F00_0001)) else { throw .addressRefused }
    }
  }

  package var description: String {
    "\(isSecure ? "https" : "http")://\(host):\(port)\(target)"
  }

  /// Backslashes and brackets are read as slashes or worse by some.
  private static let neverAllowed = Set("\\<>\"^`{|}".utf8)
  private static let nameBytesMax = 253
  private static let labelBytesMax = 63

  private static func scheme(_ text: String) throws(Fault) -> (Bool, Substring) {
    for (scheme, isSecure) in [("https://", true), ("http://", false)]
    where text.lowercased().hasPrefix(scheme) {
      return (isSecure, text.dropFirst(scheme.count))
    }
    throw .schemeUnknown
  }

  private static func split(_ authority: Substring) throws(Fault) -> (Substring, Substring?) {
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { throw .hostMalformed }
      let behind = authority[authority.index(after: end)...]
      guard behind.isEmpty || behind.hasPrefix(":") else { throw .hostMalformed }
      return (authority[...end], behind.isEmpty ? nil : behind.dropFirst())
    }
    let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count) else { throw .hostMalformed }
    return (parts[0], parts.count == 2 ? parts[1] : nil)
  }

  private static func port(_ text: Substring?) throws(Fault) -> UInt16? {
    guard let text else { return nil }
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(text), port > 0
    else { throw .portMalformed }
    return port
  }

  private static func host(_ text: Substring) throws(Fault) -> (String, IPAddress?) {
    if text.hasPrefix("[") {
      let inner = text.dropFirst().dropLast()
      guard inner.contains(":"), let address = IPAddress(host: inner) else {
        throw .hostMalformed
      }
      return (address.ipv4 == nil ? "[\(address)]" : "\(address)", address)
    }
    if IPAddress.endsInNumber(text) {
      guard let address = IPAddress(host: text) else { throw .hostMalformed }
      return ("\(address)", address)
    }
    var name = text.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= nameBytesMax, labels.allSatisfy(isLabel) else { throw .hostMalformed }
    return (name, nil)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...labelBytesMax).contains(label.utf8.count)
      && label.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
      } && !label.hasPrefix("-") && !label.hasSuffix("-")
  }

  private static func isLocal(_ name: String) -> Bool {
    name == "localhost" || name.hasSuffix(".localhost")
  }
}

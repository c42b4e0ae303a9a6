import Addresses

extension IPAddress {
  /// Reads an address as a resolver's library does, so that no spelling of one passes for a name.
  ///
  /// IPv4 in one to four parts, each decimal, octal (`0177`) or hexadecimal (`0x7f`), the last one filling what is left
  /// (inet_aton(3), WHATWG URL "IPv4 parser"); IPv6 as ``init(ascii:)`` does.
  package init?(host text: some StringProtocol) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      self.init(text)
    } else {
      guard let bits = Self.ipv4(Substring(text)) else { return nil }
      self.init(ipv4: bits)
    }
  }

  /// Whether a host's last label is a number: such a host is an IPv4 address or nothing (WHATWG URL "ends in a number").
  package static func endsInNumber(_ host: some StringProtocol) -> Bool {
    var labels = Substring(host).split(separator: ".", omittingEmptySubsequences: false)
    if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
    guard let last = labels.last, !last.isEmpty else { return false }
    return last.utf8.allSatisfy { (0x30...0x39).contains($0) } || number(last) != nil
  }

  private static func ipv4(_ text: Substring) -> UInt32? {
    var parts = text.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
    guard (1...4).contains(parts.count) else { return nil }
    var bits: UInt64 = 0
    for (index, part) in parts.enumerated() {
      guard let value = number(part) else { return nil }
      let isLast = index == parts.count - 1
      let width = isLast ? UInt64(8 * (5 - parts.count)) : 8
      guard value < 1 << width else { return nil }
      bits = bits << width | value
    }
    return UInt32(bits)
  }

  /// One part: `0x` is zero as well; at most 32 bits.
  private static func number(_ text: Substring) -> UInt64? {
    var digits = Substring(text)
    var radix: UInt64 = 10
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      radix = 16
      digits = digits.dropFirst(2)
      if digits.isEmpty { return 0 }
    } else if digits.count > 1, digits.hasPrefix("0") {
      radix = 8
      digits = digits.dropFirst()
    }
    guard !digits.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in digits.utf8 {
      guard let digit = digit(byte), digit < radix else { return nil }
      value = value * radix + digit
      guard value <= UInt64(UInt32.max) else { return nil }
    }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte - 0x30)
    case 0x41...0x46: UInt64(byte - 0x41 + 10)
    case 0x61...0x66: UInt64(byte - 0x61 + 10)
    default: nil
    }
  }
}

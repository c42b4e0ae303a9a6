extension NetworkAddress {
  /// Reads an address as a resolver's library does, so that no spelling of one passes for a name.
  ///
  /// IPv4 in one to four parts, each decimal, octal (`0177`) or hexadecimal (`0x7f`), the last one filling what is left
  /// (inet_aton(3), WHATWG URL "IPv4 parser"); IPv6 as of RFC 4291 2.2, its last 32 bits perhaps dotted. No zone.
  package init?(text: some StringProtocol) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      guard let address = Self.ipv6(Substring(text)) else { return nil }
      self = address
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

  // MARK: IPv4

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

  // MARK: IPv6

  private static func ipv6(_ text: Substring) -> NetworkAddress? {
    let halves = splitAtGap(text)
    guard let halves, let front = groups(halves.front, endsAddress: halves.back == nil),
      let back = groups(halves.back ?? "", endsAddress: true)
    else { return nil }
    let count = front.count + back.count
    guard halves.back == nil ? count == 8 : count < 8 else { return nil }
    let all = front + Array(repeating: 0, count: 8 - count) + back
    func word(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 16 | UInt64(all[$1]) } }
    return NetworkAddress(high: word(0..<4), low: word(4..<8))
  }

  /// What stands before and behind `::`, of which there is one at most.
  private static func splitAtGap(_ text: Substring) -> (front: Substring, back: Substring?)? {
    var gaps: [Substring.Index] = []
    for index in text.indices where text[index...].hasPrefix("::") { gaps.append(index) }
    guard gaps.count <= 1 else { return nil }
    guard let gap = gaps.first else { return text.isEmpty ? nil : (text, nil) }
    return (text[..<gap], text[text.index(gap, offsetBy: 2)...])
  }

  /// Groups of up to four digits; the last of an address may be an IPv4 one in four decimal parts, which is two groups.
  private static func groups(_ text: Substring, endsAddress: Bool) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if endsAddress, index == parts.count - 1, part.contains(".") {
        guard let bits = dotted(part) else { return nil }
        groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ digit($0) != nil }),
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups.count <= 8 ? groups : nil
  }

  private static func dotted(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4,
      parts.allSatisfy({ part in
        (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
          && (part == "0" || !part.hasPrefix("0"))
      })
    else { return nil }
    return ipv4(text)
  }
}

extension IPAddress {
  /// Reads `192.0.2.1` or `2001:db8::1`, see ``init(ascii:)``.
  package init?(_ text: some StringProtocol) {
    var text = String(text)
    guard let address = text.withUTF8({ IPAddress(ascii: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = address
  }

  /// Reads an IPv4 address in four decimal parts, without zeros in front, or an IPv6 one (RFC 4291 2.2), whose last 32 bits may
  /// be such parts. No zone. Allocates nothing.
  package init?(ascii text: UnsafeRawBufferPointer) {
    if let bits = Self.dotted(text[...]) {
      self.init(ipv4: bits)
    } else {
      self.init(groupsIn: text[...])
    }
  }

  private init?(groupsIn text: Slice<UnsafeRawBufferPointer>) {
    var words = (high: UInt64(0), low: UInt64(0))
    var count = 0
    // How many groups stand before `::`.
    var gap: Int?
    var rest = text
    func append(_ group: UInt32) {
      words = (words.high << 16 | words.low >> 48, words.low << 16 | UInt64(group))
      count += 1
    }
    if rest.starts(with: "::".utf8) {
      gap = 0
      rest = rest.dropFirst(2)
    }
    while !rest.isEmpty {
      if count <= 6, let bits = Self.dotted(rest) {
        append(bits >> 16)
        append(bits & 0xFFFF)
        break
      }
      guard count < 8, let group = Self.group(&rest) else { return nil }
      append(group)
      guard !rest.isEmpty else { break }
      guard rest.removeFirst() == UInt8(ascii: ":"), let next = rest.first else { return nil }
      if next == UInt8(ascii: ":") {
        guard gap == nil else { return nil }
        gap = count
        rest = rest.dropFirst()
      }
    }
    guard let gap else {
      guard count == 8 else { return nil }
      self.init(high: words.high, low: words.low)
      return
    }
    guard count < 8 else { return nil }
    // The groups before the gap go up to the front.
    let all = UInt128(words.high) << 64 | UInt128(words.low)
    let behindBits = 16 * (count - gap)
    let behind = all & ((1 << behindBits) - 1)
    let front = (all >> behindBits) << (16 * (8 - gap))
    self.init(
      high: UInt64(truncatingIfNeeded: (front | behind) >> 64),
      low: UInt64(truncatingIfNeeded: front | behind))
  }

  /// Takes one to four hexadecimal digits.
  private static func group(_ rest: inout Slice<UnsafeRawBufferPointer>) -> UInt32? {
    var group: UInt32 = 0
    var count = 0
    while let digit = rest.first.flatMap(hexadecimal) {
      guard count < 4 else { return nil }
      group = group << 4 | digit
      count += 1
      rest = rest.dropFirst()
    }
    return count > 0 ? group : nil
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  private static func dotted(_ text: Slice<UnsafeRawBufferPointer>) -> UInt32? {
    var (bits, part) = (UInt32(0), UInt32(0))
    var (digits, parts) = (0, 0)
    for byte in text {
      switch byte {
      case 0x30...0x39:
        guard digits == 0 || part > 0 else { return nil }
        part = part * 10 + UInt32(byte - 0x30)
        digits += 1
        guard part <= 255 else { return nil }
      case UInt8(ascii: "."):
        guard digits > 0, parts < 3 else { return nil }
        bits = bits << 8 | part
        (part, digits, parts) = (0, 0, parts + 1)
      default: return nil
      }
    }
    return digits > 0 && parts == 3 ? bits << 8 | part : nil
  }
}

/// An IP address; an IPv4 one in its mapped form, `::ffff:a.b.c.d`.
package struct IPAddress: Hashable, Sendable {
  package let high: UInt64
  package let low: UInt64

  private static let mappedIPv4: UInt64 = 0xFFFF_0000_0000

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package init(ipv4 bits: UInt32) {
    self.init(high: 0, low: Self.mappedIPv4 | UInt64(bits))
  }

  /// The address as a socket call or a name server gives it: 4 or 16 bytes.
  package init?(bytes: UnsafeRawBufferPointer) {
    func word(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
    switch bytes.count {
    case 4: self.init(ipv4: UInt32(word(0..<4)))
    case 16: self.init(high: word(0..<8), low: word(8..<16))
    default: return nil
    }
  }

  package var ipv4: UInt32? {
    high == 0 && low >> 32 == Self.mappedIPv4 >> 32 ? UInt32(truncatingIfNeeded: low) : nil
  }

  package var isLoopback: Bool {
    ipv4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1)
  }
}

extension IPAddress: CustomStringConvertible {
  /// As a URL's host has it without brackets: dotted decimals, or eight groups of hexadecimal digits.
  package var description: String {
    if let ipv4 {
      return [24, 16, 8, 0].map { String(ipv4 >> UInt32($0) & 0xFF) }.joined(separator: ".")
    }
    let groups = [high, low].flatMap { word in [48, 32, 16, 0].map { word >> UInt64($0) & 0xFFFF } }
    return groups.map { String($0, radix: 16) }.joined(separator: ":")
  }
}

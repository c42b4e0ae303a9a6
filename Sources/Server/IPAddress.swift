/// An IP address; an IPv4 one in its IPv6 form, `::ffff:a.b.c.d`.
package struct IPAddress: Hashable, Sendable {
  package let high: UInt64
  package let low: UInt64

  private static let mappedIPv4: UInt64 = 0x0000_FFFF_0000_0000

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  init(ipv4 bits: UInt32) {
    self.init(high: 0, low: Self.mappedIPv4 | UInt64(bits))
  }

  package var ipv4: UInt32? {
    high == 0 && low >> 32 == Self.mappedIPv4 >> 32 ? UInt32(truncatingIfNeeded: low) : nil
  }

  package var isLoopback: Bool {
    ipv4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1)
  }
}

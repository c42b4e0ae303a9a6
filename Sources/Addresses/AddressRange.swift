/// The addresses that start with the same bits, `10.0.0.0/8` or `fc00::/7`; or one, `::1`.
package struct AddressRange: Hashable, Sendable {
  private let base: IPAddress
  /// Of 128; an IPv4 range has 96 more than it is written with.
  private let prefixBits: Int

  /// Nil if `text` is no address, or its prefix is longer than one.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = IPAddress(parts[0]) else { return nil }
    let bitsMax = parts[0].contains(":") ? 128 : 32
    var bits = bitsMax
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(parts[1]),
        number <= bitsMax
      else { return nil }
      bits = number
    }
    self.base = base
    prefixBits = 128 - bitsMax + bits
  }

  /// - Parameter text: known to be right.
  package init(known text: String) {
    guard let range = AddressRange(text) else { preconditionFailure("\(text) is no range") }
    self = range
  }

  /// Whether it is written without bits behind the prefix, as `10.0.0.0/8`.
  package var isWrittenAsRange: Bool {
    let (high, low) = Self.mask(128 - prefixBits)
    return base.high & high == 0 && base.low & low == 0
  }

  package func contains(_ address: IPAddress) -> Bool {
    let (high, low) = Self.mask(128 - prefixBits)
    return (address.high ^ base.high) & ~high == 0 && (address.low ^ base.low) & ~low == 0
  }

  /// As many ones as there are bits behind a prefix.
  private static func mask(_ bits: Int) -> (high: UInt64, low: UInt64) {
    // A smart shift by 64 or more makes zero.
    (~(UInt64.max << UInt64(max(bits - 64, 0))), ~(UInt64.max << UInt64(min(bits, 64))))
  }
}

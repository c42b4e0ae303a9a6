/// The addresses that start with the same bits, `10.0.0.0/8` or `fc00::/7`.
package struct AddressBlock: Hashable, Sendable {
  private let base: NetworkAddress
  /// Of 128; an IPv4 block has 96 more than it is written with.
  private let prefixBits: Int

  /// Nil if `text` is no block or address in the usual spelling, or has bits behind its prefix.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = NetworkAddress(text: parts[0]),
      parts[0].contains(":") || parts[0].split(separator: ".").count == 4
    else { return nil }
    let bitsMax = parts[0].contains(":") ? 128 : 32
    var bits = bitsMax
    if parts.count == 2 {
      guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(parts[1]), number <= bitsMax
      else { return nil }
      bits = number
    }
    self.base = base
    prefixBits = 128 - bitsMax + bits
    let (high, low) = Self.mask(128 - prefixBits)
    guard base.high & high == 0, base.low & low == 0 else { return nil }
  }

  /// - Parameter text: known to be right.
  init(known text: String) {
    guard let block = AddressBlock(text) else { preconditionFailure("\(text) is no block") }
    self = block
  }

  package func contains(_ address: NetworkAddress) -> Bool {
    let (high, low) = Self.mask(128 - prefixBits)
    return (address.high ^ base.high) & ~high == 0 && (address.low ^ base.low) & ~low == 0
  }

  /// As many ones as there are bits behind a prefix.
  private static func mask(_ bits: Int) -> (high: UInt64, low: UInt64) {
    // A smart shift by 64 or more makes zero.
    (~(UInt64.max << UInt64(max(bits - 64, 0))), ~(UInt64.max << UInt64(min(bits, 64))))
  }
}

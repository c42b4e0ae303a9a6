import HTTPWire

/// The proxies in front that are believed when they say whom they forward for.
package struct TrustedProxies: Sendable {
  private let ranges: [AddressRange]

  package init(_ ranges: [AddressRange] = []) {
    self.ranges = ranges
  }

  func contain(_ address: IPAddress) -> Bool {
    ranges.contains { $0.contains(address) }
  }

  /// Who sent `request`: the nearest that is none of these proxies, going back from `peer` for as
  /// long as each names an address. What a client wrote itself lies beyond it and is never reached.
  func client(of request: borrowing Request, from peer: IPAddress) -> IPAddress {
    guard contain(peer) else { return peer }
    var client = peer
    for node in request.forwardedNodes.reversed() {
      guard let address = IPAddress(node.withoutPort) else { return client }
      client = address
      guard contain(address) else { return client }
    }
    return client
  }
}

/// The addresses that start with the same bits, `10.0.0.0/8`; or one, `::1`.
package struct AddressRange: Sendable, Equatable {
  private let base: IPAddress
  private let prefixBits: Int

  /// Nil if `text` is no address, or its prefix is longer than one.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = IPAddress(String(parts[0])) else { return nil }
    let bitsMax = base.ipv4 == nil ? 128 : 32
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

  package func contains(_ address: IPAddress) -> Bool {
    let difference = (high: address.high ^ base.high, low: address.low ^ base.low)
    // A shift by 64 or more makes zero.
    return difference.high >> UInt64(64 - min(prefixBits, 64)) == 0
      && difference.low >> UInt64(64 - max(prefixBits - 64, 0)) == 0
  }
}

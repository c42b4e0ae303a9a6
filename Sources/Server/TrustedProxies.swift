import Addresses
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
      guard let address = IPAddress(ascii: node.withoutPort.bytes) else { return client }
      client = address
      guard contain(address) else { return client }
    }
    return client
  }
}

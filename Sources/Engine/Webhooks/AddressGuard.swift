import Addresses

/// Tells which addresses a webhook may be sent to: those of the public internet, and what the operator allows.
///
/// Refused is what the IANA special-purpose address registries list for IPv4 and IPv6 (RFC 6890, as updated), multicast,
/// everything outside of `2000::/3`, and every form in which an IPv6 address carries an IPv4 one: mapped and compatible
/// (RFC 4291 2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380). The few of them that are reachable
/// from everywhere serve no webhooks.
package struct AddressGuard: Sendable {
  /// `webhook_allow`: exceptions; IPv4 ones hold for the mapped form of an address, too.
  private let allowed: [AddressRange]

  package init(allowed: [AddressRange] = []) { self.allowed = allowed }

  package func permits(_ address: IPAddress) -> Bool {
    if allowed.contains(where: { $0.contains(address) }) { return true }
    if address.ipv4 != nil {
      return !Self.refusedIPv4.contains { $0.contains(address) }
    }
    return Self.globalUnicast.contains(address)
      && !Self.refusedIPv6.contains { $0.contains(address) }
  }

  /// Whether the bytes of a socket address may be connected to.
  ///
  /// One that is mapped in an IPv6 socket address is refused unless it is allowed: no name server has reason to give it.
  package func permits(ipv6 address: IPAddress) -> Bool {
    guard address.ipv4 != nil else { return permits(address) }
    return allowed.contains { $0.contains(address) }
  }

  /// What IANA has assigned for hosts (RFC 4291 2.4).
  private static let globalUnicast = AddressRange(known: "2000::/3")

  private static let refusedIPv4 = [
    "0.0.0.0/8",  // this network, RFC 791
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private, RFC 1918
    "100.64.0.0/10",  // carrier-grade NAT, RFC 6598
    "127.0.0.0/8",  // loopback, RFC 1122
    "169.254.0.0/16",  // link-local, RFC 3927; clouds' metadata
    "192.0.0.0/24",  // protocol assignments, RFC 6890
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // documentation, RFC 5737
    "192.31.196.0/24", "192.175.48.0/24",  // AS112, RFC 7535, RFC 7534
    "192.52.193.0/24",  // AMT, RFC 7450
    "192.88.99.0/24",  // 6to4 relays, RFC 7526
    "198.18.0.0/15",  // benchmarking, RFC 2544
    "224.0.0.0/4",  // multicast, RFC 5771
    "240.0.0.0/4",  // reserved, RFC 1112; limited broadcast
  ].map(AddressRange.init(known:))

  private static let refusedIPv6 = [
    "2001::/23",  // protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID and more
    "2001:db8::/32", "3fff::/20",  // documentation, RFC 3849, RFC 9637
    "2002::/16",  // 6to4, RFC 3056
    "2620:4f:8000::/48",  // AS112, RFC 7534
  ].map(AddressRange.init(known:))
}

import Addresses
import Glibc

/// Who is at the other end of a connection.
package struct PeerAddress: Hashable, Sendable {
  package let ip: IPAddress
  package let port: UInt16

  package init(ip: IPAddress, port: UInt16) {
    self.ip = ip
    self.port = port
  }

  /// The address of an IP socket.
  init(_ storage: sockaddr_storage) {
    self = withUnsafeBytes(of: storage) { bytes in
      // Both families have the port at 2; sockaddr_in has its address at 4, sockaddr_in6 at 8.
      let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      guard storage.ss_family == sa_family_t(AF_INET6) else {
        let bits = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        return PeerAddress(ip: IPAddress(ipv4: UInt32(bigEndian: bits)), port: port)
      }
      let high = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      let low = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
      let ip = IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
      return PeerAddress(ip: ip, port: port)
    }
  }
}

import Addresses
import Glibc
import HTTPWire

extension ByteBuffer {
  /// Appends an address as people write it (RFC 5952).
  mutating func append(_ address: IPAddress) {
    append(upTo: 46) { free in
      let text = free.assumingMemoryBound(to: CChar.self).baseAddress
      if let ipv4 = address.ipv4 {
        var bits = ipv4.bigEndian
        inet_ntop(AF_INET, &bits, text, socklen_t(free.count))
      } else {
        var words = (address.high.bigEndian, address.low.bigEndian)
        inet_ntop(AF_INET6, &words, text, socklen_t(free.count))
      }
      return text.map { strlen($0) } ?? 0
    }
  }
}

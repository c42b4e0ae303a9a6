import Glibc
import HTTPWire

extension IPAddress {
  /// Longer than any address is written (INET6_ADDRSTRLEN).
  private static let textBytesMax = 46

  /// Reads `192.0.2.1` or `2001:db8::1`.
  package init?(_ text: String) {
    var text = text
    let address = text.withUTF8 { IPAddress(ByteView(UnsafeRawBufferPointer($0))) }
    guard let address else { return nil }
    self = address
  }

  init?(_ text: ByteView) {
    guard !text.isEmpty, text.count < Self.textBytesMax else { return nil }
    let read = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.textBytesMax) {
      characters -> IPAddress? in
      for index in 0..<text.count { characters[index] = CChar(bitPattern: text[index]) }
      characters[text.count] = 0
      guard let start = characters.baseAddress else { return nil }
      var bits: UInt32 = 0
      if inet_pton(AF_INET, start, &bits) == 1 { return IPAddress(ipv4: UInt32(bigEndian: bits)) }
      var words: (UInt64, UInt64) = (0, 0)
      guard inet_pton(AF_INET6, start, &words) == 1 else { return nil }
      return IPAddress(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
    }
    guard let read else { return nil }
    self = read
  }
}

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

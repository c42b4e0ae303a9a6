import HTTPWire

/// The names under which this server answers, so that no foreign page can reach it through a name of its own
/// that points here (DNS rebinding).
struct AllowedHosts: Sendable {
  private let names: [String]
  let example: String

  init(_ listen: ListenAddress) {
    let host = listen.host.contains(":") ? "[\(listen.host)]" : listen.host
    names = ["localhost", "127.0.0.1", "[::1]", host]
    example = host
  }

  /// - Parameter host: as the request names it, with or without a port; empty for none.
  func allow(_ host: ByteView) -> Bool {
    guard !host.isEmpty else { return true }
    let name = host[0..<nameLength(host)]
    return names.contains { candidate in
      candidate.utf8.count == name.count
        && zip(candidate.utf8, name.bytes).allSatisfy { lowercased($0) == lowercased($1) }
    }
  }

  private func nameLength(_ host: ByteView) -> Int {
    if host[0] == UInt8(ascii: "[") {
      return host.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? host.count
    }
    return host.firstIndex(of: UInt8(ascii: ":")) ?? host.count
  }

  private func lowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }
}

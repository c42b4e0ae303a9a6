/// `uri-host [ ":" port ]` (RFC 9110 7.2), with a host that is not empty.
enum HostName {
  static func isValid(_ value: ByteView) -> Bool {
    guard !value.isEmpty, value.bytes.allSatisfy(ByteClass.isHost) else { return false }
    guard let end = hostEnd(value), end > 0 else { return false }
    guard end < value.count else { return true }
    return value[end] == UInt8(ascii: ":")
      && value[(end + 1)..<value.count].bytes.allSatisfy(ByteClass.isDigit)
  }

  /// Where the port begins with its colon, or the end; nil when brackets do not belong together.
  private static func hostEnd(_ value: ByteView) -> Int? {
    let (open, close) = (UInt8(ascii: "["), UInt8(ascii: "]"))
    guard value[0] == open else {
      let host = value[0..<(value.firstIndex(of: UInt8(ascii: ":")) ?? value.count)]
      return host.bytes.contains { $0 == open || $0 == close } ? nil : host.count
    }
    guard let end = value.firstIndex(of: close) else { return nil }
    let address = value[1..<end]
    // RFC 3986 3.2.2: an IPv6 address. Other literals are not in use.
    let isAddress = address.bytes.allSatisfy {
      ByteClass.hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
    }
    return isAddress && address.count >= 2 ? end + 1 : nil
  }
}

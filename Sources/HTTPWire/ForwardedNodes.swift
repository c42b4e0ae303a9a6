extension Request {
  /// Whom the request was forwarded for, as its proxies say, farthest first: names or addresses,
  /// with or without a port.
  ///
  /// `X-Forwarded-For` goes before `Forwarded` (RFC 7239): nearly every proxy writes the former, and
  /// passes the latter on as the client wrote it.
  package var forwardedNodes: [ByteView] {
    var nodes: [ByteView] = []
    forEachValue(of: "x-forwarded-for") { value in
      var rest = value
      while !rest.isEmpty { nodes.append(rest.split(at: UInt8(ascii: ",")).trimmed) }
    }
    guard nodes.isEmpty else { return nodes }
    forEachValue(of: "forwarded") { value in
      var rest = value
      while !rest.isEmpty {
        // An element that names nobody is a proxy all the same.
        nodes.append(ForwardedElement.node(rest.splitOutsideQuotes(at: UInt8(ascii: ","))))
      }
    }
    return nodes
  }
}

private enum ForwardedElement {
  /// The value of `for` in `for=...;proto=...`, without its quotes; empty if there is none.
  static func node(_ element: ByteView) -> ByteView {
    var rest = element
    while !rest.isEmpty {
      var value = rest.splitOutsideQuotes(at: UInt8(ascii: ";"))
      let name = value.split(at: UInt8(ascii: "=")).trimmed
      if name.equalsIgnoringCase("for") { return unquoted(value.trimmed) }
    }
    return element[0..<0]
  }

  /// RFC 7239 6: nothing in a node is ever escaped.
  private static func unquoted(_ value: ByteView) -> ByteView {
    let quote = UInt8(ascii: "\"")
    guard value.count >= 2, value[0] == quote, value[value.count - 1] == quote else { return value }
    return value[1..<value.count - 1]
  }
}

extension ByteView {
  /// As `split`, with separators inside of quoted strings passed over.
  fileprivate mutating func splitOutsideQuotes(at separator: UInt8) -> ByteView {
    var isQuoted = false
    var end = 0
    while end < count, isQuoted || self[end] != separator {
      if self[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
      if isQuoted, self[end] == UInt8(ascii: "\\") { end += 1 }
      end += 1
    }
    let part = self[0..<Swift.min(end, count)]
    self = self[Swift.min(end + 1, count)..<count]
    return part
  }

  /// The address of a forwarded node without its port: `192.0.2.1:80`, `[2001:db8::1]:80`,
  /// `2001:db8::1`.
  package var withoutPort: ByteView {
    if !isEmpty, self[0] == UInt8(ascii: "[") {
      return self[1..<(firstIndex(of: UInt8(ascii: "]")) ?? count)]
    }
    guard let colon = firstIndex(of: UInt8(ascii: ":")),
      self[(colon + 1)..<count].firstIndex(of: UInt8(ascii: ":")) == nil
    else { return self }
    return self[0..<colon]
  }
}

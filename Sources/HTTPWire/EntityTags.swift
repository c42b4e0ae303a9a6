extension Request {
  /// Whether `If-None-Match` names `tag`, so that a GET is answered 304 (RFC 9110 13.1.2).
  ///
  /// The comparison is weak: `W/"x"` names `"x"` too.
  ///
  /// - Parameter tag: of the answer there would be, with its quotes and without `W/`.
  package func ifNoneMatch(names tag: ByteView) -> Bool {
    var isNamed = false
    forEachValue(of: "if-none-match") { value in
      var list = EntityTagList(value)
      while !isNamed, let item = list.next() { isNamed = item == "*" || item.hasSameBytes(as: tag) }
    }
    return isNamed
  }
}

/// The entity tags of a field in order, without `W/`; `*` as it is. It ends at what is no tag.
struct EntityTagList: Sequence, IteratorProtocol {
  private var rest: ByteView

  init(_ field: ByteView) {
    rest = field
  }

  mutating func next() -> ByteView? {
    while !rest.isEmpty, rest[0] == UInt8(ascii: ",") || ByteView.isBlank(rest[0]) {
      rest = rest[1..<rest.count]
    }
    if rest.hasPrefix("W/") { rest = rest[2..<rest.count] }
    guard let length = lengthOfFirst else { return nil }
    defer { rest = rest[length..<rest.count] }
    return rest[0..<length]
  }

  private var lengthOfFirst: Int? {
    guard !rest.isEmpty else { return nil }
    if rest[0] == UInt8(ascii: "*") { return 1 }
    guard rest[0] == UInt8(ascii: "\""),
      let close = rest[1..<rest.count].firstIndex(of: UInt8(ascii: "\""))
    else { return nil }
    return close + 2
  }
}

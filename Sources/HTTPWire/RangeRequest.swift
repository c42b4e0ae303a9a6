/// Which part of a representation a GET asks for (RFC 9110 14).
package enum RangeRequest: Equatable, Sendable {
  case whole
  case part(Range<Int>)
  /// Nothing of what was asked for is there: 416.
  case unsatisfiable

  /// - Parameters:
  ///   - byteCount: of the representation.
  ///   - tag: of the representation, strong and with its quotes.
  package init(_ request: borrowing Request, byteCount: Int, tag: ByteView) {
    guard request.method == .get, let range = Self.only("range", request) else {
      self = .whole
      return
    }
    // RFC 9110 13.1.5: the part of another version would be put together with what the client has.
    if let known = request.field("if-range"), !known.hasSameBytes(as: tag) {
      self = .whole
      return
    }
    self = Self.read(range, byteCount)
  }

  /// The value of a field that is there once.
  private static func only(_ name: StaticString, _ request: borrowing Request) -> ByteView? {
    var count = 0
    request.forEachValue(of: name) { _ in count += 1 }
    return count == 1 ? request.field(name) : nil
  }

  /// Reads `bytes=first-last`, `bytes=first-` or `bytes=-last`. Whatever else it is, several ranges
  /// for one, may be answered with the whole (RFC 9110 14.2).
  private static func read(_ field: ByteView, _ byteCount: Int) -> RangeRequest {
    guard field.count > 6, field[0..<6].equalsIgnoringCase("bytes=") else { return .whole }
    var last = field[6..<field.count].trimmed
    guard last.firstIndex(of: UInt8(ascii: "-")) != nil else { return .whole }
    let first = last.split(at: UInt8(ascii: "-"))
    if first.isEmpty {
      guard let count = last.decimal else { return .whole }
      guard count > 0, byteCount > 0 else { return .unsatisfiable }
      return .part(max(0, byteCount - count)..<byteCount)
    }
    guard let start = first.decimal, let end = last.isEmpty ? byteCount : last.decimal,
      last.isEmpty || end >= start
    else { return .whole }
    guard start < byteCount else { return .unsatisfiable }
    return .part(start..<(end >= byteCount ? byteCount : last.isEmpty ? end : end + 1))
  }
}

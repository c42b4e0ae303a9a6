/// The forms of a request target that are served (RFC 9112 3.2): origin, absolute, and `*` for
/// OPTIONS.
struct RequestTarget {
  private(set) var path: Range<Int>
  private(set) var query: Range<Int>
  /// Of the absolute form only.
  private(set) var authority: Range<Int>?

  /// The target at `range` of `bytes`, or nil when it has none of the forms.
  init?(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ method: Method) {
    path = range
    query = range.upperBound..<range.upperBound
    if bytes[range.lowerBound] == UInt8(ascii: "/") {
      split(bytes, from: range.lowerBound, to: range.upperBound)
    } else if range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "*") {
      guard method == .options else { return nil }
    } else {
      guard splitAbsolute(bytes, range) else { return nil }
    }
  }

  private mutating func splitAbsolute(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) -> Bool {
    let scheme = "http://" as StaticString
    let start = range.lowerBound + scheme.utf8CodeUnitCount
    guard start < range.upperBound,
      ByteRange(range.lowerBound..<start).view(of: bytes).equalsIgnoringCase(scheme)
    else { return false }
    let slash = ByteScan.index(
      of: UInt8(ascii: "/"), in: bytes, from: start, to: range.upperBound)
    // `http://host` and `http://host?query` have an empty path, which a server cannot tell from a
    // mistake.
    guard slash > start, slash < range.upperBound else { return false }
    authority = start..<slash
    split(bytes, from: slash, to: range.upperBound)
    return true
  }

  private mutating func split(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
    let mark = ByteScan.index(of: UInt8(ascii: "?"), in: bytes, from: start, to: end)
    path = start..<mark
    query = min(mark + 1, end)..<end
  }
}

/// The parts of a path between its slashes, in order and as sent.
///
/// `/v1/views` has two. A slash at the end adds an empty one, so `/v1/` is not `/v1`.
package struct PathSegments: Sequence, IteratorProtocol {
  private var rest: ByteView

  package init(_ path: ByteView) {
    rest = path
  }

  package mutating func next() -> ByteView? {
    guard !rest.isEmpty, rest[0] == UInt8(ascii: "/") else { return nil }
    rest = rest[1..<rest.count]
    let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
    let segment = rest[0..<end]
    rest = rest[end..<rest.count]
    return segment
  }
}

/// A run of bytes named by its place, as what a parser found is.
package struct ByteRange: Equatable, Sendable {
  package var start: UInt32
  package var count: UInt32

  package static let empty = ByteRange(0..<0)

  init(_ range: Range<Int>) {
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    count = UInt32(truncatingIfNeeded: range.count)
  }

  func view(of bytes: UnsafeRawBufferPointer) -> ByteView {
    let start = Int(start)
    return ByteView(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(count)]))
  }
}

/// A whole request and where it is in the bytes it was read from.
package struct RequestFrame: Sendable, Equatable {
  package let head: RequestHead
  package let body: Range<Int>
  /// Behind its last byte.
  package let end: Int

  init(_ head: RequestHead, body: Range<Int>, end: Int) {
    self.head = head
    self.body = body
    self.end = end
  }
}

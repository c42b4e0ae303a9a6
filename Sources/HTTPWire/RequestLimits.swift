/// What one request may cost before it is refused.
package struct RequestLimits: Sendable {
  /// RFC 9112 3 asks for at least 8,000.
  package var requestLineBytesMax: Int
  /// Request line and fields. A head is parsed anew whenever more of it arrives, so this also
  /// bounds what a sender of single bytes can make the parser do: some microseconds per packet.
  package var headBytesMax: Int
  package var fieldCountMax: Int
  /// After the chunks are joined.
  package var bodyBytesMax: Int
  /// A chunk's size with its extensions, none of which are known here.
  package var chunkLineBytesMax: Int

  package init(
    requestLineBytesMax: Int = 8_192,
    headBytesMax: Int = 16_384,
    fieldCountMax: Int = 100,
    bodyBytesMax: Int = 1_048_576,
    chunkLineBytesMax: Int = 256
  ) {
    self.requestLineBytesMax = requestLineBytesMax
    self.headBytesMax = headBytesMax
    self.fieldCountMax = fieldCountMax
    self.bodyBytesMax = bodyBytesMax
    self.chunkLineBytesMax = chunkLineBytesMax
  }
}

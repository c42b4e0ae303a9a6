/// What a client's message may cost before its WebSocket is ended.
package struct MessageLimits: Sendable {
  /// As sent, and as inflated where it is compressed.
  package var messageBytesMax: Int
  /// Each costs its header alone, so their number is bounded beside their bytes.
  package var fragmentsMax: Int

  package init(messageBytesMax: Int = 65_536, fragmentsMax: Int = 1_024) {
    self.messageBytesMax = messageBytesMax
    self.fragmentsMax = fragmentsMax
  }
}

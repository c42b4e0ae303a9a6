/// Makes messages of what a client sends over its WebSocket (RFC 6455 5.4), with control frames between their fragments.
///
/// A message that arrived in one piece is passed on where it lies; only one that did not is put together here, so a
/// connection between messages owns no memory.
package struct MessageDecoder: ~Copyable {
  private let limits: MessageLimits
  private var frames: FrameDecoder
  /// What has come of the message begun, unmasked and as it was sent: compressed, where it is.
  private var partial = ByteBuffer()
  private var begun: Begun?
  private var text = UTF8Check()
  /// What has come of a control frame that did not come at once.
  private var control = ByteBuffer()
  /// Whether the last event may lie in memory held here.
  private var isDelivered = false

  /// A message of which not everything has come.
  private struct Begun {
    let isText: Bool
    let isCompressed: Bool
    var fragmentCount = 1
    /// Of all fragments so far, as their headers say.
    var byteCount: Int
  }

  /// What a client said; views are valid until the decoder is asked again.
  package enum Event {
    /// Where it is compressed, neither its text nor its size is checked yet.
    case message(ByteView, isText: Bool, isCompressed: Bool)
    case ping(ByteView)
    case pong
    /// Its code is nil where the client gave none.
    case close(CloseCode?)
  }

  /// - Parameter allowsCompression: whether permessage-deflate was agreed on.
  package init(_ limits: MessageLimits, allowsCompression: Bool) {
    self.limits = limits
    frames = FrameDecoder(allowsCompression: allowsCompression)
  }

  /// Whether a message has begun and not ended.
  package var isInMessage: Bool { begun != nil }

  /// Of memory held between events.
  package var bufferedBytes: Int { partial.capacity + control.capacity }

  /// The next event in `bytes` from `position` on, or nil when more is needed; `position` then is at the end.
  ///
  /// `bytes` are unmasked where they lie. After a fault nothing more may be read.
  package mutating func next(
    _ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int
  ) throws(WebSocketFault) -> Event? {
    if isDelivered { forgetDelivered() }
    while true {
      if frames.awaitsHeader {
        guard position < bytes.count, let header = try frames.nextHeader(bytes, &position) else {
          return nil
        }
        try begin(header)
      }
      guard let piece = frames.nextPiece(bytes, &position) else { return nil }
      if let event = try take(piece) { return event }
    }
  }

  /// Gives back what held the last event. A control frame may have stood between the fragments of a message.
  private mutating func forgetDelivered() {
    isDelivered = false
    control.release()
    if begun == nil { partial.release() }
  }

  private mutating func begin(_ header: FrameHeader) throws(WebSocketFault) {
    switch header.opcode {
    case .close, .ping, .pong:
      break
    case .text, .binary:
      guard begun == nil else { throw .messageInterrupted }
      guard header.payloadBytes <= limits.messageBytesMax else { throw .messageTooBig }
      begun = Begun(
        isText: header.opcode == .text, isCompressed: header.isCompressed,
        byteCount: header.payloadBytes)
      text = UTF8Check()
    case .continuation:
      guard var message = begun else { throw .continuationUnexpected }
      guard message.fragmentCount < limits.fragmentsMax else { throw .fragmentsTooMany }
      guard header.payloadBytes <= limits.messageBytesMax - message.byteCount else {
        throw .messageTooBig
      }
      message.fragmentCount += 1
      message.byteCount += header.payloadBytes
      begun = message
    }
  }

  private mutating func take(_ piece: FrameDecoder.Piece) throws(WebSocketFault) -> Event? {
    guard !piece.header.opcode.isControl else { return try takeControl(piece) }
    guard let message = begun else { return nil }
    let payload = UnsafeRawBufferPointer(piece.payload)
    let isEnd = piece.isLast && piece.header.isFinal
    if message.isText, !message.isCompressed {
      guard text.accept(payload), !isEnd || text.isAtBoundary else { throw .textInvalid }
    }
    guard isEnd else {
      partial.append(payload)
      return nil
    }
    begun = nil
    isDelivered = true
    let isWhole = partial.isEmpty
    if !isWhole { partial.append(payload) }
    return .message(
      isWhole ? ByteView(payload) : partial.view, isText: message.isText,
      isCompressed: message.isCompressed)
  }

  private mutating func takeControl(_ piece: FrameDecoder.Piece) throws(WebSocketFault) -> Event? {
    let payload = UnsafeRawBufferPointer(piece.payload)
    guard !(piece.isFirst && piece.isLast) else {
      return try Self.controlEvent(piece.header.opcode, ByteView(payload))
    }
    control.append(payload)
    guard piece.isLast else { return nil }
    isDelivered = true
    return try Self.controlEvent(piece.header.opcode, control.view)
  }

  private static func controlEvent(
    _ opcode: FrameOpcode, _ payload: ByteView
  ) throws(WebSocketFault) -> Event {
    switch opcode {
    case .close: .close(try closeCode(payload))
    case .ping: .ping(payload)
    case .pong, .continuation, .text, .binary: .pong
    }
  }

  /// RFC 6455 5.5.1: a code and a reason, or nothing.
  private static func closeCode(_ payload: ByteView) throws(WebSocketFault) -> CloseCode? {
    guard !payload.isEmpty else { return nil }
    guard payload.count >= 2 else { throw .closePayloadInvalid }
    let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
    guard code.mayBeSent else { throw .closeCodeInvalid }
    guard UTF8Check.accepts(payload[2..<payload.count]) else { throw .textInvalid }
    return code
  }
}

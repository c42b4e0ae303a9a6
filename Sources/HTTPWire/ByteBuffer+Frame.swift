extension ByteBuffer {
  /// Appends `payload` as a frame of a server, which has no mask (RFC 6455 5.2).
  package mutating func append(
    frame opcode: FrameOpcode, _ payload: ByteView, isCompressed: Bool = false
  ) {
    reserve(payload.count + 10)
    append(0x80 | (isCompressed ? 0x40 : 0) | opcode.rawValue)
    appendFrameLength(payload.count)
    append(payload)
  }

  /// Appends a close frame; of `reason` what fits.
  package mutating func append(closeFrame code: CloseCode, reason: ByteView) {
    let reasonBytesMax = FrameHeader.controlPayloadBytesMax - 2
    let reason = reason.prefix(utf8: reasonBytesMax)
    append(0x80 | FrameOpcode.close.rawValue)
    appendFrameLength(reason.count + 2)
    append(UInt8(code.rawValue >> 8))
    append(UInt8(truncatingIfNeeded: code.rawValue))
    append(reason)
  }

  private mutating func appendFrameLength(_ length: Int) {
    switch length {
    case ...125:
      append(UInt8(length))
    case ...0xFFFF:
      append(126)
      appendBigEndian(UInt64(length), byteCount: 2)
    default:
      append(127)
      appendBigEndian(UInt64(length), byteCount: 8)
    }
  }

  private mutating func appendBigEndian(_ number: UInt64, byteCount: Int) {
    for index in (0..<byteCount).reversed() {
      append(UInt8(truncatingIfNeeded: number >> UInt64(index * 8)))
    }
  }
}

extension ByteView {
  /// The first bytes, at most `bytesMax`, that end where a character does.
  fileprivate func prefix(utf8 bytesMax: Int) -> ByteView {
    guard count > bytesMax else { return self }
    var end = bytesMax
    while end > 0, self[end] & 0xC0 == 0x80 { end -= 1 }
    return self[0..<end]
  }
}

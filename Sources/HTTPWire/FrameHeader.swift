/// The header of a frame that a client sends (RFC 6455 5.2).
package struct FrameHeader: Sendable, Equatable {
  package let opcode: FrameOpcode
  package let isFinal: Bool
  /// RSV1, which permessage-deflate sets on the first frame of a compressed message.
  package let isCompressed: Bool
  package let payloadBytes: Int
  /// As its four bytes are read in little-endian order.
  let mask: UInt32

  /// Two bytes, eight of length, four of mask.
  static let bytesMax = 14
  static let controlPayloadBytesMax = 125

  /// What the first bytes of a header say about it.
  enum Reading {
    case incomplete
    case complete(FrameHeader, byteCount: Int)
  }

  /// Reads the header at the front of `bytes`, refusing it at the first byte that is wrong.
  static func read(
    _ bytes: UnsafeRawBufferPointer, allowsCompression: Bool
  ) throws(WebSocketFault) -> Reading {
    guard let first = bytes.first else { return .incomplete }
    let opcode = try opcode(first, allowsCompression: allowsCompression)
    guard bytes.count >= 2 else { return .incomplete }
    let second = bytes[1]
    guard second & 0x80 != 0 else { throw .maskMissing }
    let shortLength = Int(second & 0x7F)
    if opcode.isControl, shortLength > controlPayloadBytesMax { throw .controlTooLong }
    let lengthBytes = shortLength == 127 ? 8 : shortLength == 126 ? 2 : 0
    let byteCount = 2 + lengthBytes + 4
    guard bytes.count >= byteCount else { return .incomplete }
    let length = try length(bytes, shortLength, lengthBytes)
    let mask = bytes.loadUnaligned(fromByteOffset: 2 + lengthBytes, as: UInt32.self)
    let header = FrameHeader(
      opcode: opcode, isFinal: first & 0x80 != 0, isCompressed: first & 0x40 != 0,
      payloadBytes: length, mask: UInt32(littleEndian: mask))
    return .complete(header, byteCount: byteCount)
  }

  private static func opcode(
    _ first: UInt8, allowsCompression: Bool
  ) throws(WebSocketFault) -> FrameOpcode {
    guard first & 0x30 == 0 else { throw .reservedBits }
    guard let opcode = FrameOpcode(rawValue: first & 0x0F) else { throw .opcodeUnknown }
    if first & 0x40 != 0 {
      // RFC 7692 6: on the first frame of a data message only.
      guard allowsCompression, opcode == .text || opcode == .binary else { throw .reservedBits }
    }
    if opcode.isControl, first & 0x80 == 0 { throw .controlFragmented }
    return opcode
  }

  private static func length(
    _ bytes: UnsafeRawBufferPointer, _ shortLength: Int, _ lengthBytes: Int
  ) throws(WebSocketFault) -> Int {
    switch lengthBytes {
    case 0: return shortLength
    case 2:
      let length = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      guard length > 125 else { throw .lengthNotMinimal }
      return Int(length)
    default:
      let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
      guard length <= UInt64(Int64.max) else { throw .lengthInvalid }
      guard length > UInt64(UInt16.max) else { throw .lengthNotMinimal }
      return Int(length)
    }
  }
}

/// What a frame is (RFC 6455 11.8).
package enum FrameOpcode: UInt8, Sendable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  var isControl: Bool { rawValue & 0x8 != 0 }
}

/// Why a client's bytes end its WebSocket.
package enum WebSocketFault: Error, Sendable, Hashable, CaseIterable {
  case reservedBits
  case opcodeUnknown
  case controlFragmented
  case controlTooLong
  case maskMissing
  case lengthNotMinimal
  case lengthInvalid
  case continuationUnexpected
  case messageInterrupted
  case closePayloadInvalid
  case closeCodeInvalid
  case textInvalid
  case deflateInvalid
  case messageTooBig
  case fragmentsTooMany

  package var code: CloseCode {
    switch self {
    case .reservedBits, .opcodeUnknown, .controlFragmented, .controlTooLong, .maskMissing,
      .lengthNotMinimal, .lengthInvalid, .continuationUnexpected, .messageInterrupted,
      .closePayloadInvalid, .closeCodeInvalid:
      .protocolError
    case .textInvalid, .deflateInvalid: .invalidPayload
    case .messageTooBig, .fragmentsTooMany: .messageTooBig
    }
  }

  /// What the client is told; fits into a close frame.
  package var reason: StaticString {
    switch self {
    case .reservedBits: "a reserved bit is set that no extension gives a meaning"
    case .opcodeUnknown: "the opcode is reserved"
    case .controlFragmented: "a control frame is never fragmented"
    case .controlTooLong: "a control frame has at most 125 bytes"
    case .maskMissing: "frames of clients are masked"
    case .lengthNotMinimal: "a length takes the fewest bytes it can"
    case .lengthInvalid: "a length has 63 bits"
    case .continuationUnexpected: "there is no message to continue"
    case .messageInterrupted: "a message begins before the last one has ended"
    case .closePayloadInvalid: "a close frame has no or at least two bytes"
    case .closeCodeInvalid: "the close code is not one to be sent"
    case .textInvalid: "text is UTF-8"
    case .deflateInvalid: "the compressed data is corrupt"
    case .messageTooBig: "the message has more bytes than are read"
    case .fragmentsTooMany: "the message has more fragments than are read"
    }
  }
}

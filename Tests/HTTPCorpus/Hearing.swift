import HTTPWire

/// What a server hears of a client's bytes on a WebSocket: events, then perhaps why it hears no more.
package struct Hearing: Equatable, Sendable {
  package var events: [Event] = []
  package var fault: WebSocketFault?

  package enum Event: Equatable, Sendable {
    case message([UInt8], isText: Bool, isCompressed: Bool)
    case ping([UInt8])
    case pong
    case close(UInt16?)
  }

  package init() {}
}

/// Shows `bytes` to a decoder in pieces that end at `cuts`.
package func hear(
  _ bytes: [UInt8], cuts: [Int] = [], _ limits: MessageLimits = MessageLimits(),
  allowsCompression: Bool = false
) -> Hearing {
  var decoder = MessageDecoder(limits, allowsCompression: allowsCompression)
  var hearing = Hearing()
  var start = 0
  for cut in cuts + [bytes.count] where hearing.fault == nil {
    hear(bytes[start..<cut], &decoder, &hearing)
    start = cut
  }
  return hearing
}

/// Shows `bytes` one by one.
package func hearSingly(
  _ bytes: [UInt8], _ limits: MessageLimits = MessageLimits(), allowsCompression: Bool = false
) -> Hearing {
  hear(bytes, cuts: Array(bytes.indices), limits, allowsCompression: allowsCompression)
}

private func hear(
  _ piece: ArraySlice<UInt8>, _ decoder: inout MessageDecoder, _ hearing: inout Hearing
) {
  // An allocation of its own: the address sanitizer sees a read behind its end.
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
  defer { memory.deallocate() }
  memory.copyBytes(from: piece)
  var position = 0
  do throws(WebSocketFault) {
    while let event = try decoder.next(memory, &position) {
      hearing.events.append(Hearing.Event(event))
    }
    precondition(position == memory.count, "more was needed before all was read")
    precondition(decoder.bufferedBytes <= 2 * 65_536 + 2 * piece.count, "memory without a bound")
  } catch {
    hearing.fault = error
  }
}

extension Hearing.Event {
  fileprivate init(_ event: MessageDecoder.Event) {
    switch event {
    case .message(let message, let isText, let isCompressed):
      self = .message(Array(message.bytes), isText: isText, isCompressed: isCompressed)
    case .ping(let payload): self = .ping(Array(payload.bytes))
    case .pong: self = .pong
    case .close(let code): self = .close(code?.rawValue)
    }
  }
}

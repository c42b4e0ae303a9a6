import FuzzSupport
import HTTPCorpus
import HTTPWire

// Whatever a client says over a WebSocket is heard without a fault, and the same however it is cut; and so is what it offers of
// compression. The first byte says which: its low bit whether compression is agreed on, its high bit that it is an offer.

/// Small, so that the fuzzer reaches them.
private let limits = MessageLimits(messageBytesMax: 512, fragmentsMax: 6)

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  let frames: [[ClientFrame]] = [
    [ClientFrame(text: "grün", isFinal: false), ClientFrame(9, [1]), ClientFrame(0, [0x61])],
    [ClientFrame(2, Array(repeating: 1, count: 200))], [.close(1000, "bye")],
    [ClientFrame(1, [0xF2, 0x48, 0xCD], reserved: 4)], [ClientFrame(10, []), .close(3000)],
  ]
  let offers = [
    "permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits, x",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  ]
  Seeds.writeIfAsked(
    frames.flatMap { frames in [0, 1].map { [$0] + frames.flatMap(\.bytes) } }
      + offers.map { [0x80] + Array($0.utf8) })
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard count > 0, let start else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  if start[0] & 0x80 == 0 {
    hearEveryWay(bytes, allowsCompression: start[0] & 1 == 1)
  } else {
    negotiate(bytes)
  }
  return 0
}

private func hearEveryWay(_ bytes: [UInt8], allowsCompression: Bool) {
  let whole = hear(bytes, limits, allowsCompression: allowsCompression)
  // Where to cut follows from the bytes, so that a finding can be repeated.
  let cut = bytes.reduce(5_381) { $0 &* 33 &+ Int($1) } & .max
  let cuts = [cut % (bytes.count + 1), (cut / 1_021) % (bytes.count + 1)].sorted()
  precondition(
    hear(bytes, cuts: cuts, limits, allowsCompression: allowsCompression) == whole, "cut at \(cuts)"
  )
  if bytes.count < 256 {
    precondition(hearSingly(bytes, limits, allowsCompression: allowsCompression) == whole)
  }
  for case .message(let message, let isText, let isCompressed) in whole.events {
    precondition(message.count <= limits.messageBytesMax)
    precondition(!isCompressed || allowsCompression)
    if isText, !isCompressed { precondition(String(validating: message, as: UTF8.self) != nil) }
  }
}

/// Reads `offers` as a field's value. What is agreed to has a window that there is.
private func negotiate(_ offers: [UInt8]) {
  let head = [
    "GET / HTTP/1.1", "Host: h", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Extensions: ",
  ].joined(separator: "\r\n")
  var bytes = Array(head.utf8) + offers + Array("\r\n\r\n".utf8)
  var decoder = RequestDecoder()
  var fields = FieldTable(capacity: 100)
  bytes.withUnsafeMutableBytes { bytes in
    guard case .complete(let frame) = decoder.decode(bytes, RequestLimits(), &fields),
      let handshake = try? WebSocketHandshake(
        Request(frame, UnsafeRawBufferPointer(bytes), fields))
    else { return }
    if let windowBits = handshake.deflate?.serverWindowBits {
      precondition(DeflateAgreement.windowBits.contains(windowBits))
    }
  }
}

import COpenSSL
import HTTPWire

extension Response {
  /// Makes this the answer that opens a WebSocket; fields added before are sent with it.
  mutating func accept(_ handshake: WebSocketHandshake) {
    status = .switchingProtocols
    addField("Upgrade", "websocket")
    addField("Connection", "Upgrade")
    addField("Sec-WebSocket-Accept") { $0.append(webSocketProofOf: handshake.key) }
    guard let deflate = handshake.deflate else { return }
    addField("Sec-WebSocket-Extensions") { deflate.write(to: &$0) }
  }
}

extension ByteBuffer {
  /// Appends what proves that `key` was understood (RFC 6455 4.2.2).
  fileprivate mutating func append(webSocketProofOf key: String) {
    var text = ByteBuffer()
    text.append(key)
    text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    withUnsafeTemporaryAllocation(byteCount: Int(SHA_DIGEST_LENGTH), alignment: 1) { digest in
      SHA1(
        text.bytes.assumingMemoryBound(to: UInt8.self).baseAddress, text.count,
        digest.assumingMemoryBound(to: UInt8.self).baseAddress)
      append(base64: UnsafeRawBufferPointer(digest))
    }
  }
}

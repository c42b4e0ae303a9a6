/// What a client and this server agree on about permessage-deflate (RFC 7692 7).
///
/// Neither side keeps its window from one message to the next: so a message is compressed once for all who get it, and a
/// connection costs no window.
package struct DeflateAgreement: Sendable, Equatable {
  /// The logarithm of the largest distance this server may refer back, where the client bounds it: 8 to 15.
  package let serverWindowBits: Int?

  package static let windowBits = 8...15

  /// The value of `Sec-WebSocket-Extensions` that tells the client.
  package func write(to field: inout ByteBuffer) {
    field.append("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    guard let serverWindowBits else { return }
    field.append("; server_max_window_bits=")
    field.append(decimal: serverWindowBits)
  }
}

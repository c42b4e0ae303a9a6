import HTTPWire
import Testing

@Suite struct HandshakeTests {
  private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
  private static let plain = [
    "Upgrade: websocket", "Connection: Upgrade", key, "Sec-WebSocket-Version: 13",
  ]

  @Test func takesWhatTheRFCHas() throws {
    let fields = [
      "upgrade: h2c, WebSocket", "Connection: keep-alive, UPGRADE", Self.key,
      "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: onhand.v1, bearer.abc",
      "Sec-WebSocket-Protocol: chat",
    ]
    let handshake = try #require(try? read(fields).get())
    #expect(handshake.key == "dGhlIHNhbXBsZSBub25jZQ==")
    #expect(handshake.subprotocols == ["onhand.v1", "bearer.abc", "chat"])
    #expect(handshake.deflate == nil)
  }

  @Test(arguments: [
    (0, "Upgrade: h2c", HandshakeRefusal.upgradeMissing),
    (0, "X-Upgrade: websocket", .upgradeMissing),
    (1, "Connection: close", .upgradeMissing), (1, "Connection: upgrades", .upgradeMissing),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", .keyInvalid),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!", .keyInvalid),
    (2, "Sec-WebSocket-Key: dGhl_HNhbXBsZSBub25jZQ==", .keyInvalid),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=", .keyInvalid),
    (2, "X-Key: dGhlIHNhbXBsZSBub25jZQ==", .keyInvalid),
    (2, key + "\r\n" + key, .keyInvalid),
    (3, "Sec-WebSocket-Version: 8", .versionUnsupported),
    (3, "Sec-WebSocket-Version: 13, 8", .versionUnsupported),
    (3, "X-Version: 13", .versionUnsupported),
    (3, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a b", .fieldsInvalid),
    (3, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: a b", .fieldsInvalid),
  ])
  func refusesWhatItDoesNot(_ index: Int, _ field: String, _ refusal: HandshakeRefusal) {
    var fields = Self.plain
    fields[index] = field
    #expect(throws: refusal) { try read(fields).get() }
  }

  @Test(arguments: ["HEAD / HTTP/1.1", "POST / HTTP/1.1", "GET / HTTP/1.0"])
  func refusesOtherRequests(_ line: String) {
    #expect(throws: HandshakeRefusal.upgradeMissing) { try read(Self.plain, line: line).get() }
  }

  @Test func tellsHowToAskRightly() {
    var response = Response()
    response.refuse(handshake: .versionUnsupported)
    var output = ByteBuffer()
    let framing = Response.Framing(version: .http11, keepsAlive: true, omitsBody: false)
    response.encode(into: &output, framing, dateField: ByteBuffer().view)
    let text = output.view.string
    #expect(text.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
    for field in ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"] {
      #expect(text.contains("\r\n\(field)\r\n"))
    }
  }

  /// What is offered, and what is agreed to: -1 for nothing, 0 for a window that the client does not bound.
  @Test(arguments: [
    ("permessage-deflate", 0), ("permessage-deflate; client_max_window_bits", 0),
    ("Permessage-Deflate;server_no_context_takeover ; client_no_context_takeover", 0),
    ("permessage-deflate; server_max_window_bits=10", 10),
    ("permessage-deflate; server_max_window_bits=\"8\"; client_max_window_bits=15", 8),
    ("x-webkit-deflate-frame, , permessage-deflate", 0),
    ("permessage-deflate; server_max_window_bits=7, permessage-deflate", 0),
    ("permessage-deflate; server_max_window_bits=9, permessage-deflate", 9),
    ("permessage-deflate; server_max_window_bits", -1),
    ("permessage-deflate; server_max_window_bits=16", -1),
    ("permessage-deflate; server_max_window_bits=010", -1),
    ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", -1),
    ("permessage-deflate; client_max_window_bits=7", -1),
    ("permessage-deflate; client_max_window_bits=99999999999999999999", -1),
    ("permessage-deflate; server_no_context_takeover=1", -1),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", -1),
    ("permessage-deflate; mystery", -1), ("permessage-bzip2", -1), ("", -1),
  ])
  func agreesOnDeflate(_ offers: String, _ windowBits: Int) throws {
    let handshake = try read(Self.plain + ["Sec-WebSocket-Extensions: " + offers]).get()
    guard windowBits >= 0 else { return #expect(handshake.deflate == nil) }
    let agreement = try #require(handshake.deflate)
    #expect(agreement.serverWindowBits == (windowBits == 0 ? nil : windowBits))
    var answer = ByteBuffer()
    agreement.write(to: &answer)
    let usual = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    #expect(
      answer.view.string
        == (windowBits == 0 ? usual : usual + "; server_max_window_bits=\(windowBits)"))
  }

  @Test(arguments: [
    "permessage-deflate;", ";", "permessage-deflate; =1", "permessage-deflate; a=",
    "permessage-deflate; a=\"b", "permessage-deflate; a=\"\"", "a b", "a; b c", "\"a\"",
    "permessage-deflate; ; a", "permessage-deflate; a=b=c", "permessage-deflate, ;a",
  ])
  func refusesOffersThatAreNoList(_ offers: String) {
    #expect(throws: HandshakeRefusal.fieldsInvalid) {
      try read(Self.plain + ["Sec-WebSocket-Extensions: " + offers]).get()
    }
  }

  private func read(
    _ fields: [String], line: String = "GET / HTTP/1.1"
  ) -> Result<WebSocketHandshake, HandshakeRefusal> {
    var bytes = Array(([line, "Host: h"] + fields + ["", ""]).joined(separator: "\r\n").utf8)
    var decoder = RequestDecoder()
    var table = FieldTable(capacity: 16)
    return bytes.withUnsafeMutableBytes { bytes in
      guard case .complete(let frame) = decoder.decode(bytes, RequestLimits(), &table) else {
        return .failure(.fieldsInvalid)
      }
      let request = Request(frame, UnsafeRawBufferPointer(bytes), table)
      do throws(HandshakeRefusal) {
        return .success(try WebSocketHandshake(request))
      } catch {
        return .failure(error)
      }
    }
  }
}

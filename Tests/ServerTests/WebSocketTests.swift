import CZlib
import HTTPCorpus
import HTTPWire
import Server
import TestSupport
import Testing

@Suite struct WebSocketTests {
  @Test func opensAndSaysWhatItHears() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let socket = try WebSocketClient(port: server.port, "/echo")
      // RFC 6455 1.3 has this proof for the key sent.
      #expect(socket.answer.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
      #expect(socket.answer.fields["sec-websocket-protocol"] == "test.v1")
      #expect(socket.answer.fields["sec-websocket-extensions"] == nil)
      #expect(socket.answer.fields["content-length"] == nil)
      for text in ["", "hello", "grüße", String(repeating: "x", count: 60_000)] {
        try socket.send(text: text)
        #expect(try socket.receiveText() == text)
      }
      try socket.send(ClientFrame(9, [1, 2]), ClientFrame(10, [3]), .close(3_000, "done"))
      #expect(
        try socket.receive() == ServerFrame(opcode: 10, isCompressed: false, payload: [1, 2]))
      #expect(try socket.receiveClose() == 3_000)
      #expect(try socket.client.hasEndedCleanly())
    }
  }

  @Test func hearsTheSameHoweverBytesArrive() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let frames = [
        ClientFrame(text: "a", isFinal: false), ClientFrame(9, [7]), ClientFrame(0, [0x62]),
        ClientFrame(text: "second"),
      ].flatMap(\.bytes)
      let coalesced = try WebSocketClient(port: server.port, "/echo", first: frames)
      let dripping = try TestClient(port: server.port)
      for byte in Array(WebSocketClient.request("/feed").utf8) + frames {
        try dripping.send([byte])
      }
      #expect(try coalesced.receive().payload == [7])
      #expect(try coalesced.receiveText() == "ab")
      #expect(try coalesced.receiveText() == "second")
      #expect(try dripping.receiveHead().status == 101)
      #expect(try dripping.take(3) == [0x8A, 1, 7])
      #expect(try await eventually { feed.heard == ["ab", "second"] })
    }
  }

  @Test func refusesWhatIsNoHandshakeAndGoesOn() async throws {
    try await withServer(ServerConfiguration(), Feed()) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/feed") + get("/next"))
      let refusal = try client.receive()
      #expect(refusal.status == 426)
      #expect(refusal.code == "websocket_upgrade_missing")
      #expect(refusal.fields["upgrade"] == "websocket")
      #expect(refusal.fields["sec-websocket-version"] == "13")
      #expect(try client.receive().body == "GET /next ")
    }
  }

  /// What a client says, and the code that it is left with. It goes on sending, as it can't know yet.
  @Test(
    arguments: [
      ([ClientFrame(3, [])], 1002), ([ClientFrame(1, [], reserved: 4)], 1002),
      ([ClientFrame(9, [], isFinal: false)], 1002), ([ClientFrame(0, [1])], 1002),
      ([ClientFrame(text: "a", isFinal: false), ClientFrame(text: "b")], 1002),
      ([ClientFrame(1, [0xFF])], 1007), ([ClientFrame(1, [0xC3])], 1007),
      ([ClientFrame(8, [3])], 1002), ([.close(1005)], 1002), ([.close(999)], 1002),
      ([ClientFrame(8, [3, 0xE8, 0xFF])], 1007),
      ([ClientFrame(2, Array(repeating: 0, count: 65_537))], 1009),
      (
        [ClientFrame(2, [], isFinal: false)]
          + Array(repeating: ClientFrame(0, [], isFinal: false), count: 8), 1009
      ),
    ] as [([ClientFrame], UInt16)])
  func leavesWhoBreaksTheRules(_ frames: [ClientFrame], _ code: UInt16) async throws {
    let feed = Feed(MessageLimits(fragmentsMax: 8))
    try await withServer(ServerConfiguration(), feed) { server in
      let socket = try WebSocketClient(port: server.port, "/feed")
      let more = [UInt8](repeating: 0x81, count: 100_000)
      try socket.client.send(frames.flatMap(\.bytes) + more)
      #expect(try socket.receiveClose() == code)
      #expect(try socket.client.hasEndedCleanly())
      #expect(try await eventually { feed.openCount == 0 })
    }
  }

  @Test func anUnmaskedFrameIsLeft() async throws {
    try await withServer(ServerConfiguration(), Feed()) { server in
      var frame = ClientFrame(text: "a")
      frame.mask = nil
      let socket = try WebSocketClient(port: server.port, "/feed", first: frame.bytes)
      #expect(try socket.receiveClose() == 1002)
    }
  }

  @Test func compressesWhatIsLargerWhereThatIsAgreedOn() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let large = String(repeating: "{\"product_id\":17,\"stock\":4}", count: 300)
      let offers = ["permessage-deflate", "permessage-deflate; server_max_window_bits=9"]
      let sockets = try (offers + offers).map {
        try WebSocketClient(port: server.port, "/feed", fields: ["Sec-WebSocket-Extensions: \($0)"])
      }
      feed.tell("small", server)
      feed.tell(large, server)
      feed.tell(String(large.reversed()), server)
      feed.tell(large, server)
      for (socket, windowBits) in zip(sockets, [15, 9, 15, 9] as [Int32]) {
        #expect(
          socket.answer.fields["sec-websocket-extensions"]?.hasPrefix("permessage-deflate;") == true
        )
        #expect(try socket.receiveText() == "small")
        for text in [large, String(large.reversed()), large] {
          let frame = try socket.receive()
          #expect(frame.isCompressed && frame.payload.count < text.utf8.count / 8)
          #expect(inflated(frame.payload, windowBits: windowBits) == Array(text.utf8))
        }
      }
    }
  }

  @Test func sendsAsItIsWhatNeedsAWindowThereIsNot() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let offer = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8"
      let socket = try WebSocketClient(port: server.port, "/feed", fields: [offer])
      #expect(
        socket.answer.fields["sec-websocket-extensions"]?.hasSuffix("max_window_bits=8") == true)
      let large = String(repeating: "stock ", count: 300)
      feed.tell(large, server)
      #expect(try socket.receiveText() == large)
    }
  }

  @Test func hearsWhatIsCompressedHoweverItWas() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let socket = try WebSocketClient(
        port: server.port, "/feed", fields: ["Sec-WebSocket-Extensions: permessage-deflate"])
      // RFC 7692 7.2.3: compressed, not compressed, and with a block marked as the last, each is "Hello".
      let forms: [[UInt8]] = [
        [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
      ]
      for form in forms { try socket.send(ClientFrame(1, form, reserved: 4)) }
      try socket.send(
        ClientFrame(1, Array(forms[0][..<3]), isFinal: false, reserved: 4),
        ClientFrame(0, Array(forms[0][3...])))
      let expected = Array(repeating: "Hello", count: 4)
      #expect(try await eventually { feed.heard == expected })
    }
  }

  @Test(
    arguments: [
      // Zeros, a thousand for each byte.
      (deflated(Array(repeating: 0, count: 60_000_000)), 1009), ([0xFF, 0xFF, 0xFF], 1007),
      (deflated([0xC3, 0x28]), 1007), (deflated([0xC3]), 1007),
    ] as [([UInt8], UInt16)])
  func leavesWhoCompressesWhatItMayNotSay(_ payload: [UInt8], _ code: UInt16) async throws {
    try await withServer(ServerConfiguration(), Feed()) { server in
      let socket = try WebSocketClient(
        port: server.port, "/feed", fields: ["Sec-WebSocket-Extensions: permessage-deflate"])
      try socket.send(ClientFrame(1, payload, reserved: 4))
      #expect(try socket.receiveClose() == code)
    }
  }

  @Test func endsWhenTheSessionDoesAndTheClientAgrees() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let socket = try WebSocketClient(port: server.port, "/feed")
      feed.tell("last", server)
      feed.finish(server)
      #expect(try socket.receiveText() == "last")
      #expect(try socket.receiveClose() == 1000)
      #expect(try await eventually { feed.ended == 1 })
      // What was under way is not answered any more.
      try socket.send(ClientFrame(text: "late"), ClientFrame(9, []))
      #expect(server.connectionCount == 1)
      try socket.send(.close(1000))
      #expect(try socket.client.hasEndedCleanly())
      #expect(feed.heard == [])
    }
  }

  @Test func cutsWhoDoesNotAgreeToTheEnd() async throws {
    let feed = Feed()
    var configuration = ServerConfiguration()
    configuration.limits.closeTime = .milliseconds(300)
    try await withServer(configuration, feed) { server in
      let socket = try WebSocketClient(port: server.port, "/feed")
      feed.finish(server)
      #expect(try socket.receiveClose() == 1000)
      #expect(try await eventually { server.connectionCount == 0 })
      #expect(try socket.client.hasEnded())
    }
  }
}

/// `bytes` as a message compressed by a client.
func deflated(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  precondition(czlib_raw_deflate_begin(&stream, 9, 15) == Z_OK)
  defer { deflateEnd(&stream) }
  var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count / 900 + 1_000))
  let count = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      precondition(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0)
      return output.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<(count - 4)])
}

/// What a message of a server was before it was compressed, as one sees it who has no larger window.
private func inflated(_ bytes: [UInt8], windowBits: Int32) -> [UInt8] {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  precondition(inflateInit2_(&stream, -windowBits, ZLIB_VERSION, size) == Z_OK)
  defer { inflateEnd(&stream) }
  var (input, output) = (bytes + [0, 0, 0xFF, 0xFF], [UInt8](repeating: 0, count: 100_000))
  let count = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      precondition(inflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0)
      return output.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<count])
}

import HTTPWire
import Server
import Testing

@Suite struct StreamTests {
  @Test func isABodyInChunks() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let client = try TestClient(port: server.port)
      feed.tell("data: 1\n\n", server)
      try client.send(get("/stream"))
      let head = try client.receiveHead()
      #expect(head.status == 200)
      #expect(head.fields["transfer-encoding"] == "chunked")
      #expect(head.fields["content-type"] == "text/event-stream")
      #expect(head.fields["content-length"] == nil)
      #expect(head.fields["cache-control"] == "no-cache")
      #expect(head.closes)
      #expect(String(decoding: try client.take(14), as: UTF8.self) == "9\r\ndata: 1\n\n\r\n")
      // An empty message would end the body.
      feed.tell("", server)
      feed.tell(String(repeating: "x", count: 70_000), server)
      feed.finish(server)
      let rest = client.drained()
      #expect(rest.hasPrefix("11170\r\nxxx"))
      #expect(rest.hasSuffix("xxx\r\n0\r\n\r\n"))
      #expect(rest.utf8.count == 7 + 70_000 + 2 + 5)
    }
  }

  @Test func endsWithTheConnectionForWhoKnowsNoChunks() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let client = try TestClient(port: server.port)
      try client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      let head = try client.receiveHead()
      #expect(head.fields["transfer-encoding"] == nil)
      #expect(head.fields["content-length"] == nil)
      #expect(head.closes)
      feed.tell("one", server)
      feed.tell("two", server)
      feed.finish(server)
      #expect(client.drained() == "onetwo")
    }
  }

  @Test func hasOnlyAHeadForHead() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let client = try TestClient(port: server.port)
      try client.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" + get("/next"))
      let head = try client.receiveHead()
      #expect(head.fields["content-type"] == "text/event-stream")
      #expect(head.fields["content-length"] == nil)
      #expect(head.fields["transfer-encoding"] == "chunked")
      #expect(try client.receive().body == "GET /next ")
      #expect(feed.begun == 0)
    }
  }

  @Test func whatTheClientSaysMeanwhileIsNotHeard() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/stream") + get("/next"))
      _ = try client.receiveHead()
      try client.send([UInt8](repeating: 0x41, count: 5_000_000))
      feed.tell("x", server)
      feed.finish(server)
      #expect(client.drained() == "1\r\nx\r\n0\r\n\r\n")
      #expect(feed.heard == [])
    }
  }

  @Test(arguments: [true, false]) func endsWithItsClient(_ isReset: Bool) async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/stream"))
      _ = try client.receiveHead()
      #expect(try await eventually { feed.begun == 1 })
      if isReset { client.reset() } else { client.close() }
      #expect(try await eventually { feed.ended == 1 && server.connectionCount == 0 })
    }
  }
}

import HTTPWire
import Server
import Testing

@Suite struct ServingTests {
  @Test func answersOneRequestAfterAnotherOnAConnection() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      for path in ["/a", "/b", "/c"] {
        try client.send(get(path))
        let response = try client.receive()
        #expect(response.status == 200)
        #expect(response.body == "GET \(path) ")
        #expect(response.fields["content-type"] == "text/plain; charset=utf-8")
        #expect(response.fields["date"]?.hasSuffix(" GMT") == true)
      }
      #expect(server.connectionCount == 1)
    }
  }

  @Test func answersPipelinedRequestsInOrder() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      let paths = (0..<2_000).map { "/\($0)" }
      try client.send(paths.map(get).joined())
      for path in paths { #expect(try client.receive().body == "GET \(path) ") }
    }
  }

  @Test func answersPipelinedRequestsInOrderToAClientThatReadsLate() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      let sizes = [3_000_000, 1, 2_000_000, 0, 5, 1_000_000]
      try client.send(sizes.map { get("/?\($0)") }.joined())
      for size in sizes {
        let body = try client.receive().body
        #expect(body.utf8.count == size)
        #expect(body == String(String(repeating: "0123456789", count: size / 10 + 1).prefix(size)))
      }
    }
  }

  @Test func answersARequestThatComesByteByByte() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      let request = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      for byte in request.utf8 { try client.send([byte]) }
      #expect(try client.receive().body == "POST /p abc")
    }
  }

  @Test func answersHeadWithTheHeadOnly() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"))
      let head = try client.receive(toHead: true)
      #expect(head.fields["content-length"] == "8")
      #expect(try client.receive().body == "GET /b ")
    }
  }

  @Test func closesAfterAnHTTP10Request() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send("GET /a HTTP/1.0\r\n\r\n")
      let response = try client.receive()
      #expect(response.body == "GET /a ")
      #expect(response.closes)
      #expect(try client.hasEnded())
    }
  }

  @Test func keepsAnHTTP10ConnectionThatAsksForIt() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      for _ in 0..<2 {
        try client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try client.receive().fields["connection"] == "keep-alive")
      }
    }
  }

  @Test func closesWhenAskedToAndAnswersNothingBehind() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get("/b"))
      let response = try client.receive()
      #expect(response.body == "GET /a ")
      #expect(response.closes)
      #expect(try client.hasEnded())
    }
  }

  @Test func tellsAWaitingClientToContinue() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send(
        "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
      #expect(try client.receive().status == 100)
      try client.send("ok")
      #expect(try client.receive().body == "PUT / ok")
    }
  }

  @Test func joinsAChunkedBody() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      for piece in [head, "3\r\nab", "c\r", "\n2;x\r\nde\r\n0\r\nT: v\r\n", "\r\n" + get("/next")] {
        try client.send(piece)
      }
      #expect(try client.receive().body == "POST / abcde")
      #expect(try client.receive().body == "GET /next ")
    }
  }

  @Test func answersAClientThatHasFinishedSending() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      try client.send(get("/?2000000") + get("/?7"))
      client.finishSending()
      #expect(try client.receive().body.utf8.count == 2_000_000)
      #expect(try client.receive().body == "0123456")
      #expect(try client.hasEnded())
    }
  }

  @Test func handsAllOfARequestToTheHandler() async throws {
    let handler: ClosureHandler.Body = { request, response, context in
      response.addField("X-Peer", context.peer.ip.isLoopback ? "loopback" : "other")
      response.body.append(request.query)
      response.body.append("|")
      response.body.append(request.host)
      response.body.append("|")
      if let value = request.field("x-two") { response.body.append(value) }
      response.body.append(request.field("x-none") == nil ? "|none" : "|some")
      return .respond
    }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send("GET /p?q=%20 HTTP/1.1\r\nX-One: 1\r\nHost: h:1\r\nX-TWO:  2 \r\n\r\n")
      let response = try client.receive()
      #expect(response.body == "q=%20|h:1|2|none")
      #expect(response.fields["x-peer"] == "loopback")
    }
  }

  @Test func serves1000ConnectionsSpreadOverItsWorkers() async throws {
    let handler: ClosureHandler.Body = { _, response, context in
      response.body.append(decimal: context.workerIndex)
      return .respond
    }
    try await withServer(workers: 4, ServerLimits(), handler) { server in
      let clients = try (0..<1_000).map { _ in try TestClient(port: server.port) }
      for round in 0..<3 {
        for client in clients { try client.send(get("/\(round)")) }
        let workers = try clients.map { try $0.receive().body }
        for worker in ["0", "1", "2", "3"] {
          #expect(workers.count { $0 == worker } == 250)
        }
      }
      #expect(server.connectionCount == 1_000)
      for client in clients { client.close() }
      #expect(try await eventually { server.connectionCount == 0 })
    }
  }

  @Test func aPortInUseIsAnError() async throws {
    try await withServer { server in
      let configuration = ServerConfiguration(port: server.port)
      #expect(throws: ListenError.refused(.bind, code: 98)) {
        _ = try Server(configuration, ClosureHandler(body: echo))
      }
    }
  }
}

import Glibc
import HTTPWire
import Server
import Synchronization
import TestSupport
import Testing

@Suite struct HostileClientTests {
  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400, "host_missing"),
    ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, "field_name_invalid"),
    ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "method_unknown"),
    ("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505, "version_unsupported"),
    (
      "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", 413, "body_too_large"
    ),
  ])
  func isToldWhyAndThenLeft(_ bytes: String, _ status: Int, _ code: String) async throws {
    var limits = ServerLimits()
    limits.lingerTime = .seconds(600)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a") + bytes)
      #expect(try client.receive().status == 200)
      let refusal = try client.receive()
      #expect(refusal.status == status)
      #expect(refusal.code == code)
      #expect(refusal.closes)
      #expect(refusal.fields["content-type"] == "application/problem+json")
      #expect(try client.hasEndedCleanly())
    }
  }

  @Test(arguments: [
    "HEAD /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\nHEAD / HTTP/1.1\r\nHost : h\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: h\r\nContent-Le",
  ])
  func isToldInTheHeadOnlyWhenItAskedForThat(_ bytes: String) async throws {
    var limits = ServerLimits()
    limits.headTime = .milliseconds(200)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a") + bytes)
      #expect(try client.receive().status == 200)
      let refusal = try client.receive(toHead: true)
      #expect(refusal.status >= 400)
      #expect(refusal.fields["content-length"].flatMap { Int($0) } ?? 0 > 0)
      #expect(try client.hasEndedCleanly())
    }
  }

  @Test func canReadItsRefusalWhileItStillSends() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n")
      try client.send([UInt8](repeating: 0x61, count: 8_000_000))
      #expect(try client.receive().code == "body_too_large")
    }
  }

  @Test func isCutWhenItsHeadTrickles() async throws {
    var limits = ServerLimits()
    limits.headTime = .milliseconds(1_000)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a") + "GET / HTTP/1.1\r\nHost: h\r\nX: ")
      #expect(try client.receive().status == 200)
      // It goes on however long it takes, every byte well within the time.
      var isCut = false
      for _ in 0..<2_000 where !isCut {
        isCut = (try? client.send("a")) == nil || server.connectionCount == 0
        usleep(5_000)
      }
      #expect(isCut)
    }
  }

  @Test func isNotCutForAlwaysHavingBegunAnother() async throws {
    var limits = ServerLimits()
    limits.headTime = .milliseconds(1_500)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      let request = get("/a")
      let half = String(request.prefix(9))
      try client.send(half)
      for _ in 0..<40 {
        try client.send(String(request.dropFirst(9)) + half)
        #expect(try client.receive().status == 200)
        usleep(75_000)
      }
    }
  }

  @Test func isNotCutForReadingSlowly() async throws {
    var limits = ServerLimits()
    limits.writeStallTime = .milliseconds(1_500)
    try await withServer(limits, sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 65_536)
      try client.send(get("/?20000000"))
      for _ in 0..<100 {
        #expect(try client.receive(bytes: 200_000) == 200_000)
        usleep(40_000)
      }
    }
  }

  @Test func isToldWhenItsHeadTakesTooLong() async throws {
    var limits = ServerLimits()
    limits.headTime = .milliseconds(200)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a") + "GET / HTT")
      #expect(try client.receive().status == 200)
      let refusal = try client.receive()
      #expect(refusal.status == 408)
      #expect(refusal.code == "request_timeout")
      #expect(try client.hasEnded())
    }
  }

  @Test func isToldWhenItsBodyTakesTooLong() async throws {
    var limits = ServerLimits()
    limits.bodyTime = .milliseconds(200)
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
      #expect(try client.receive().status == 408)
      #expect(try client.hasEnded())
    }
  }

  @Test func isLeftWhenIdle() async throws {
    var limits = ServerLimits()
    limits.idleTime = .milliseconds(200)
    try await withServer(limits) { server in
      let fresh = try TestClient(port: server.port)
      let used = try TestClient(port: server.port)
      try used.send(get("/a"))
      #expect(try used.receive().status == 200)
      #expect(try fresh.hasEnded())
      #expect(try used.hasEnded())
      #expect(try await eventually { server.connectionCount == 0 })
    }
  }

  @Test func isCutWhenItDoesNotReadItsAnswer() async throws {
    var limits = ServerLimits()
    limits.writeStallTime = .milliseconds(300)
    let answers = Atomic(0)
    let handler: ClosureHandler.Body = { request, response, context in
      answers.add(1, ordering: .relaxed)
      return sized(request, &response, context)
    }
    try await withServer(limits, handler) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      try client.send(String(repeating: get("/?1000000"), count: 500))
      #expect(try await eventually { answers.load(ordering: .relaxed) > 0 })
      #expect(try await eventually { server.connectionCount == 0 })
      // The kernel holds some; beyond that no request is answered before its turn.
      #expect(answers.load(ordering: .relaxed) < 100)
      #expect(client.drainBytes() < 100_000_000)
    }
  }

  @Test func isCutWhenItReadsByDrips() async throws {
    var limits = ServerLimits()
    limits.writeStallTime = .milliseconds(500)
    limits.writeStallBytesMin = 4_000_000
    try await withServer(limits, sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      try client.send(get("/?90000000"))
      var isCut = false
      for _ in 0..<2_000 where !isCut {
        isCut = (try? client.receive(bytes: 20_000)) != 20_000
        usleep(5_000)
      }
      #expect(isCut)
    }
  }

  @Test func isNotReadFromWhileItDoesNotRead() async throws {
    var limits = ServerLimits()
    limits.writeStallTime = .milliseconds(500)
    try await withServer(limits, sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      let requests = Array(String(repeating: get("/?200000"), count: 500).utf8)
      // Sending ends in an error once the server has had enough: it never takes it all in.
      #expect(throws: TestClient.Failure.self) {
        for _ in 0..<10_000 { try client.send(requests) }
      }
    }
  }

  @Test func canResetInTheMiddleOfAnAnswer() async throws {
    try await withServer(ServerLimits(), sized) { server in
      for _ in 0..<50 {
        let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
        try client.send(get("/?5000000") + get("/?5000000"))
        client.reset()
      }
      #expect(try await eventually { server.connectionCount == 0 })
      let client = try TestClient(port: server.port)
      try client.send(get("/?3"))
      #expect(try client.receive().body == "012")
    }
  }

  @Test func isRefusedBeyondTheNumberOfConnections() async throws {
    var limits = ServerLimits()
    limits.connectionsMax = 3
    try await withServer(workers: 2, limits) { server in
      let clients = try (0..<3).map { _ in try TestClient(port: server.port) }
      for client in clients {
        try client.send(get("/a"))
        #expect(try client.receive().status == 200)
      }
      let refused = try TestClient(port: server.port)
      let refusal = try refused.receive()
      #expect(refusal.status == 503)
      #expect(refusal.code == "connections_too_many")
      #expect(try refused.hasEnded())
      clients[0].close()
      #expect(try await eventually { server.connectionCount == 2 })
      let admitted = try TestClient(port: server.port)
      try admitted.send(get("/b"))
      #expect(try admitted.receive().body == "GET /b ")
    }
  }

  @Test func isRefusedBeyondTheConnectionsOfAnAddress() async throws {
    var limits = ServerLimits()
    limits.connectionsPerAddressMax = 1
    try await withServer(limits) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a"))
      #expect(try client.receive().status == 200)
      #expect(try TestClient(port: server.port).receive().status == 503)
      client.close()
      #expect(try await eventually { server.connectionCount == 0 })
      let next = try TestClient(port: server.port)
      try next.send(get("/b"))
      #expect(try next.receive().status == 200)
    }
  }

  @Test func cannotMakeTheServerHoldMoreThanItMay() async throws {
    var limits = ServerLimits()
    limits.bufferedBytesMax = 300_000
    limits.lingerTime = .zero
    try await withServer(limits) { server in
      let clients = try (0..<10).map { _ in try TestClient(port: server.port) }
      for client in clients {
        try client.send(get("/a"))
        #expect(try client.receive().status == 200)
      }
      let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
      let most = [UInt8](repeating: 0x61, count: 99_999)
      for client in clients { try client.send(Array(head.utf8) + most) }
      // At most three bodies fit, and the other clients are told so.
      #expect(try await eventually { server.connectionCount <= 3 })
      var busy = 0
      for client in clients {
        try? client.send("a")
        if let response = try? client.receive(), response.code == "server_busy" { busy += 1 }
      }
      #expect(busy >= 7)
    }
  }

  @Test func whoSendsNoiseHarmsNobodyElse() async throws {
    var random = SeededRandom()
    try await withServer { server in
      let bystander = try TestClient(port: server.port)
      let pieces = [get("/a"), "POST / HTTP/1.1\r\nHost: h\r\n", "Content-Length: 9\r\n", "\r\n"]
      for round in 0..<300 {
        let client = try TestClient(port: server.port)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          var bytes = Array(pieces.randomElement(using: &random)!.utf8)
          let index = Int.random(in: 0..<bytes.count, using: &random)
          bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
          try? client.send(bytes)
        }
        try bystander.send(get("/\(round)"))
        #expect(try bystander.receive().body == "GET /\(round) ")
      }
      bystander.close()
      #expect(try await eventually { server.connectionCount == 0 })
    }
  }
}

import HTTPWire
import Server
import Synchronization
import Testing

@Suite struct ParkingTests {
  @Test func aRequestWaitsFromItsFirstAttemptOn() async throws {
    let gate = Gate()
    let moments = Mutex<[ContinuousClock.Instant]>([])
    let body: ClosureHandler.Body = { request, response, context in
      moments.withLock { $0.append(context.began) }
      guard gate.isOpen(orWake: context.waker) else {
        return .park(until: context.now + .seconds(60))
      }
      return .respond
    }
    try await withServer(ServerLimits(), body) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/"))
      for attempts in 1...4 {
        #expect(try await eventually { gate.wakers.count == attempts })
        gate.wakers[attempts - 1].wake()
      }
      gate.open()
      #expect(try client.receive().status == 200)
    }
    let all = moments.withLock { $0 }
    #expect(all.count >= 5 && Set(all.dropFirst()).count == 1)
  }

  @Test func aParkedRequestIsAnsweredWhenWoken() async throws {
    let gate = Gate()
    try await withServer(ServerLimits(), gate.handler()) { server in
      let client = try TestClient(port: server.port)
      try client.send("POST /gate HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody")
      #expect(try await eventually { gate.wakers.count == 1 })
      gate.open()
      #expect(try client.receive().body == "woken 2 body")
    }
  }

  @Test func aChunkedRequestIsTheSameWhenTriedAgain() async throws {
    let gate = Gate()
    try await withServer(ServerLimits(), gate.handler()) { server in
      let client = try TestClient(port: server.port)
      try client.send(
        "POST /gate HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n" + get("/next"))
      #expect(try await eventually { gate.wakers.count == 1 })
      gate.open()
      #expect(try client.receive().body == "woken 2 abcde")
      #expect(try client.receive().body == "GET /next ")
    }
  }

  @Test func aWakeForNothingParksAgain() async throws {
    let gate = Gate()
    try await withServer(ServerLimits(), gate.handler()) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/gate"))
      for attempts in 1...5 {
        #expect(try await eventually { gate.wakers.count == attempts })
        gate.wakers[0].wake()
      }
      #expect(try await eventually { gate.wakers.count == 6 })
      gate.open()
      #expect(try client.receive().body == "woken 7 ")
    }
  }

  @Test func aWakeBeforeTheRequestParksIsNotLost() async throws {
    let handler: ClosureHandler.Body = { _, response, context in
      guard context.attempt == 1 else {
        response.body.append("\(context.cause)")
        return .respond
      }
      context.waker.wake()
      return .park(until: context.now + .seconds(60))
    }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/"))
      #expect(try client.receive().body == "woken")
    }
  }

  @Test func wakesBeforeTheWorkerLooksCountAsOne() async throws {
    let handler: ClosureHandler.Body = { _, response, context in
      if context.cause == .deadlinePassed {
        response.body.append(decimal: context.attempt)
        return .respond
      }
      if context.attempt == 1 {
        let waker = context.waker
        for _ in 0..<1_000 { waker.wake() }
      }
      return .park(until: context.now + .milliseconds(300))
    }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/"))
      #expect(try client.receive().body == "3")
    }
  }

  @Test func aWakerIsNotTheNextRequests() async throws {
    let gate = Gate()
    let handler: ClosureHandler.Body = { request, response, context in
      guard request.path == "/first" else { return gate.handler()(request, &response, context) }
      guard context.attempt == 2 else {
        _ = gate.isOpen(orWake: context.waker)
        return .park(until: context.now + .seconds(60))
      }
      return .respond
    }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/first"))
      #expect(try await eventually { gate.wakers.count == 1 })
      let stale = gate.wakers[0]
      stale.wake()
      #expect(try client.receive().status == 200)
      try client.send(get("/gate"))
      #expect(try await eventually { gate.wakers.count == 2 })
      stale.wake()
      gate.open()
      #expect(try client.receive().body == "woken 2 ")
    }
  }

  @Test func theDeadlineBringsAParkedRequestBack() async throws {
    let start = ContinuousClock.now
    try await withServer(ServerLimits(), Gate().handler(parkedFor: .milliseconds(250))) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/gate"))
      #expect(try client.receive().body == "deadlinePassed 2 ")
      #expect(ContinuousClock.now - start >= .milliseconds(250))
    }
  }

  @Test func requestsBehindAParkedOneWaitForIt() async throws {
    let gate = Gate()
    try await withServer(ServerLimits(), gate.handler()) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/before") + get("/gate") + get("/after"))
      #expect(try client.receive().body == "GET /before ")
      #expect(try await eventually { gate.wakers.count == 1 })
      try client.send(get("/later"))
      gate.open()
      #expect(try client.receive().body == "woken 2 ")
      #expect(try client.receive().body == "GET /after ")
      #expect(try client.receive().body == "GET /later ")
    }
  }

  @Test func aWakerOutlivesItsRequestAndConnection() async throws {
    let gate = Gate()
    let attempts = Atomic(0)
    let counting: ClosureHandler.Body = { request, response, context in
      attempts.add(1, ordering: .relaxed)
      return gate.handler()(request, &response, context)
    }
    try await withServer(ServerLimits(), counting) { server in
      let gone = try TestClient(port: server.port)
      try gone.send(get("/gate"))
      #expect(try await eventually { gate.wakers.count == 1 })
      gone.close()
      #expect(try await eventually { server.connectionCount == 0 })
      // Another connection takes the place of the first; its request is not the waker's.
      let stale = gate.wakers[0]
      let client = try TestClient(port: server.port)
      try client.send(get("/gate"))
      #expect(try await eventually { gate.wakers.count == 2 })
      await wakeFromManyThreads(stale)
      gate.open()
      #expect(try client.receive().body == "woken 2 ")
      await wakeFromManyThreads(stale)
      try client.send(get("/a"))
      #expect(try client.receive().body == "GET /a ")
      #expect(attempts.load(ordering: .relaxed) == 4)
    }
    for waker in gate.wakers { waker.wake() }
  }

  @Test func wakesFromManyThreadsAnswerOnce() async throws {
    let gate = Gate()
    try await withServer(workers: 2, ServerLimits(), gate.handler()) { server in
      let clients = try (0..<100).map { _ in try TestClient(port: server.port) }
      for client in clients { try client.send(get("/gate") + get("/next")) }
      #expect(try await eventually { gate.wakers.count == 100 })
      gate.open()
      for waker in gate.wakers { await wakeFromManyThreads(waker) }
      for client in clients {
        #expect(try client.receive().body.hasPrefix("woken"))
        #expect(try client.receive().body == "GET /next ")
      }
    }
  }

  @Test func moreThanMayParkAreToldSoAndStay() async throws {
    var limits = ServerLimits()
    limits.parkedRequestsMax = 2
    let gate = Gate()
    try await withServer(limits, gate.handler()) { server in
      let parked = try (0..<2).map { _ in try TestClient(port: server.port) }
      for client in parked { try client.send(get("/gate")) }
      #expect(try await eventually { gate.wakers.count == 2 })
      let client = try TestClient(port: server.port)
      try client.send(get("/gate") + get("/a"))
      let refusal = try client.receive()
      #expect(refusal.status == 503)
      #expect(refusal.code == "parked_requests_too_many")
      #expect(try client.receive().body == "GET /a ")
      // One that leaves makes room.
      parked[0].close()
      #expect(try await eventually { server.connectionCount == 2 })
      try client.send(get("/gate"))
      #expect(try await eventually { gate.wakers.count == 4 })
      gate.open()
      #expect(try client.receive().body == "woken 2 ")
    }
  }

  private func wakeFromManyThreads(_ waker: Waker) async {
    await withTaskGroup { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<50 { waker.wake() } }
      }
    }
  }
}

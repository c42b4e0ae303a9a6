import HTTPWire
import Server
import Testing

@Suite struct DrainTests {
  @Test func closesIdleConnectionsAndTheListener() async throws {
    try await withServer { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/a"))
      #expect(try client.receive().status == 200)
      let report = await drained(server, within: .seconds(60))
      #expect(report == DrainReport(cutConnections: 0))
      #expect(try client.hasEnded())
      #expect(server.connectionCount == 0)
      #expect(throws: TestClient.Failure.self) { try TestClient(port: server.port) }
    }
  }

  @Test func answersTheRequestsUnderWay() async throws {
    let handler: ClosureHandler.Body = { request, response, context in
      guard request.path != "/wait" || context.cause == .draining else {
        return .park(until: context.now + .seconds(60))
      }
      return echo(request, &response, context)
    }
    try await withServer(ServerLimits(), handler) { server in
      let parked = try TestClient(port: server.port)
      try parked.send(get("/wait"))
      try parked.send(String(repeating: get("/never"), count: 10_000))
      let sending = try TestClient(port: server.port)
      try sending.send("PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\no")
      let settled = try TestClient(port: server.port)
      try settled.send(get("/a"))
      #expect(try settled.receive().status == 200)
      let drain = DrainWatch(server, within: .seconds(60))
      let last = try parked.receive()
      #expect(last.body == "GET /wait ")
      #expect(last.closes)
      #expect(try parked.hasEndedCleanly())
      parked.close()
      try sending.send("k")
      let slow = try sending.receive()
      #expect(slow.body == "PUT /slow ok")
      #expect(slow.closes)
      #expect(try await drain.report() == DrainReport(cutConnections: 0))
    }
  }

  @Test func cutsWhatIsNotDoneInTime() async throws {
    let handler: ClosureHandler.Body = { _, _, context in .park(until: context.now + .seconds(60)) }
    try await withServer(workers: 2, ServerLimits(), handler) { server in
      let clients = try (0..<3).map { _ in try TestClient(port: server.port) }
      for client in clients { try client.send(get("/")) }
      #expect(try await eventually { server.connectionCount == 3 })
      let report = await drained(server, within: .milliseconds(200))
      #expect(report == DrainReport(cutConnections: 3))
      for client in clients { #expect(try client.hasEnded()) }
    }
  }

  @Test func drainingAgainShortensTheTime() async throws {
    let handler: ClosureHandler.Body = { _, _, context in .park(until: context.now + .seconds(60)) }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/"))
      #expect(try await eventually { server.connectionCount == 1 })
      let patient = DrainWatch(server, within: .seconds(3_600))
      let hasty = await drained(server, within: .zero)
      #expect(hasty == DrainReport(cutConnections: 1))
      #expect(try await patient.report() == hasty)
      #expect(await drained(server) == hasty)
    }
  }

  @Test func finishesSendingWhatIsBeingRead() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let client = try TestClient(port: server.port, receiveBufferBytes: 4_096)
      try client.send(get("/?9000000"))
      #expect(try await eventually { server.connectionCount == 1 })
      let drain = DrainWatch(server, within: .seconds(60))
      #expect(try client.receive().body.utf8.count == 9_000_000)
      #expect(try client.hasEnded())
      #expect(try await drain.report() == DrainReport(cutConnections: 0))
    }
  }
}

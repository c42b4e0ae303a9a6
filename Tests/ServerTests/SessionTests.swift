import Addresses
import Dispatch
import Foundation
import HTTPCorpus
import HTTPWire
import Synchronization
import TestSupport
import Testing

@testable import Server

/// What is the same for all sessions: turns, stalls, ends.
@Suite struct SessionTests {
  @Test func whoDoesNotReadCostsNothingMoreAndHoldsUpNobody() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let stalled = try (0..<4).map { _ in
        try WebSocketClient(port: server.port, "/endless", receiveBufferBytes: 4_096)
      }
      let before = try await settled { feed.producedBytes }
      let healthy = try WebSocketClient(port: server.port, "/echo")
      let told = try WebSocketClient(port: server.port, "/feed")
      for number in 0..<200 {
        feed.tell("\(number)", server)
        try healthy.send(text: "still there?")
        #expect(try healthy.receiveText() == "still there?")
        #expect(try told.receiveText() == "\(number)")
      }
      #expect(feed.producedBytes - before < 1_000)
      // Reading goes on where it stopped, with nothing left out.
      for _ in 0..<400 { #expect(try stalled[0].receive().payload.count == 16_384) }
      #expect(feed.producedBytes - before > 1_000_000)
    }
  }

  @Test func whoAlwaysHasMoreToTellLeavesOthersTheirTurn() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let greedy = try (0..<4).map { _ in try WebSocketClient(port: server.port, "/endless") }
      let isDone = Atomic(false)
      let readers = DispatchGroup()
      for socket in greedy {
        let port = Unchecked(socket.client)
        DispatchQueue.global().async(group: readers) {
          while !isDone.load(ordering: .relaxed), (try? port.value.take(65_536)) != nil {}
        }
      }
      let modest = try WebSocketClient(port: server.port, "/echo")
      for _ in 0..<100 {
        try modest.send(text: "and I?")
        #expect(try modest.receiveText() == "and I?")
      }
      isDone.store(true, ordering: .relaxed)
      await withCheckedContinuation { done in readers.notify(queue: .global()) { done.resume() } }
    }
  }

  /// What takes a hundred bytes to say may take a hundred thousand to be looked at.
  @Test func whoSaysMuchInFewBytesLeavesOthersTheirTurn() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      feed.whenHeard { server.signal() }
      let texts = (0..<200).map { "\($0) " + String(repeating: "a", count: 40_000) }
      let frames = texts.map { ClientFrame(1, deflated(Array($0.utf8)), reserved: 4) }
      let bytes = frames.flatMap(\.bytes)
      // One look at the socket finds them all.
      #expect(bytes.count < 65_536)
      let greedy = try WebSocketClient(
        port: server.port, "/feed", fields: ["Sec-WebSocket-Extensions: permessage-deflate"],
        first: bytes)
      #expect(try await eventually { feed.heard.count == texts.count })
      #expect(feed.heard == texts)
      #expect(feed.heardAtSignal <= 2)
      try greedy.send(.close(1000))
      #expect(try greedy.receiveClose() == 1000)
    }
  }

  @Test func aMessageInPiecesHasItsTime() async throws {
    var configuration = ServerConfiguration()
    configuration.limits.bodyTime = .seconds(1)
    try await withServer(configuration, Feed()) { server in
      let socket = try WebSocketClient(port: server.port, "/echo")
      try socket.send(ClientFrame(text: "a", isFinal: false))
      // Neither a further piece nor a ping is a reason to wait longer.
      let begin = ContinuousClock.now
      var frame: ServerFrame
      repeat {
        try socket.send(ClientFrame(0, [0x61], isFinal: false), ClientFrame(9, []))
        frame = try socket.receive()
        try await Task.sleep(for: .milliseconds(50))
      } while frame.opcode == 10 && begin.duration(to: .now) < .seconds(60)
      #expect(frame.opcode == 8 && frame.payload.prefix(2) == [0x03, 0xF0])
    }
  }

  @Test func whoMustEndDoesWhateverItsClientDoesNotTake() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let stalled = try WebSocketClient(
        port: server.port, "/endless", receiveBufferBytes: 4_096)
      _ = try await settled { feed.producedBytes }
      feed.beStrict(server)
      #expect(try await eventually { feed.ended == 1 })
      _ = stalled.client.drainBytes()
    }
  }

  @Test func whoDoesNotReadIsNotReadFrom() async throws {
    var configuration = ServerConfiguration()
    configuration.limits.sessionIdleTime = .milliseconds(500)
    try await withServer(configuration, Feed()) { server in
      let socket = try WebSocketClient(port: server.port, "/echo", receiveBufferBytes: 4_096)
      let frames = Array(repeating: ClientFrame(2, Array(repeating: 1, count: 60_000)), count: 20)
      let bytes = frames.flatMap(\.bytes)
      // Sending ends in an error once the server has had enough.
      #expect(throws: TestClient.Failure.self) {
        for _ in 0..<10_000 { try socket.client.send(bytes) }
      }
    }
  }

  @Test func pingsWithoutEndAreAnsweredAsFarAsTheyAreRead() async throws {
    try await withServer(ServerConfiguration(), Feed()) { server in
      let socket = try WebSocketClient(port: server.port, "/feed")
      let pings = Array(repeating: ClientFrame(9, [1]), count: 5_000).flatMap(\.bytes)
      try socket.client.send(pings)
      let pong = ServerFrame(opcode: 10, isCompressed: false, payload: [1])
      for _ in 0..<5_000 { #expect(try socket.receive() == pong) }
    }
  }

  @Test func isLeftWhenNothingMovesAndNotBefore() async throws {
    let feed = Feed()
    var configuration = ServerConfiguration()
    configuration.limits.sessionIdleTime = .seconds(1)
    try await withServer(configuration, feed) { server in
      let silent = try WebSocketClient(port: server.port, "/feed")
      let stream = try TestClient(port: server.port)
      try stream.send(get("/stream"))
      let stalled = try WebSocketClient(
        port: server.port, "/endless", receiveBufferBytes: 4_096)
      let pinging = try WebSocketClient(port: server.port, "/feed")
      let pings = Pings(over: pinging)
      #expect(try await eventually { feed.openCount == 1 })
      try await Task.sleep(for: .seconds(1))
      #expect(await pings.stop())
      #expect(try silent.receiveClose() == 1001)
      _ = try stream.receiveHead()
      #expect(try stream.hasEnded())
      _ = stalled.client.drainBytes()
    }
  }

  @Test func drainingTellsEachInItsTimeAndCutsNobodyWhoAgrees() async throws {
    let feed = Feed()
    var configuration = ServerConfiguration(workerCount: 2)
    configuration.limits.closeTime = .seconds(60)
    try await withServer(configuration, feed) { server in
      let sockets = try (0..<20).map { _ in try WebSocketClient(port: server.port, "/feed") }
      let stream = try TestClient(port: server.port)
      try stream.send(get("/stream"))
      #expect(try await eventually { feed.begun == 21 })
      let drain = DrainWatch(server, within: .seconds(60))
      // Waited for without a thread, of which tests have few.
      #expect(try await eventually { feed.ended == 21 })
      for socket in sockets {
        let close = try socket.receive()
        #expect(close.payload == [0x03, 0xF4] + Array("back soon".utf8))
        try socket.send(.close(1012))
        #expect(try socket.client.hasEndedCleanly())
      }
      // A reason has no place in a body.
      #expect(stream.drained().hasSuffix("\r\n\r\n0\r\n\r\n"))
      stream.close()
      #expect(try await drain.report() == DrainReport(cutConnections: 0))
      let ends = feed.ends
      #expect(ends.count == 21)
      #expect(ends[20] - ends[0] > .seconds(2))
    }
  }

  @Test func drainingCutsWhoDoesNotAgreeInTime() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let silent = try WebSocketClient(port: server.port, "/feed")
      let stalled = try WebSocketClient(
        port: server.port, "/endless", receiveBufferBytes: 4_096)
      #expect(try await eventually { feed.begun == 2 })
      let report = await drained(server, within: .milliseconds(600))
      #expect(report == DrainReport(cutConnections: 2))
      #expect(feed.ended == 2)
      #expect(try silent.receiveClose() == 1012)
      _ = stalled
    }
  }

  @Test func oneThatBeginsWhileDrainingIsToldAtOnce() async throws {
    let feed = Feed()
    var configuration = ServerConfiguration()
    configuration.limits.headTime = .seconds(600)
    try await withServer(configuration, feed) { server in
      let client = try TestClient(port: server.port)
      let request = Array(WebSocketClient.request("/feed").utf8)
      try client.send(Array(request.dropLast(2)))
      #expect(try await eventually { server.connectionCount == 1 })
      let drain = DrainWatch(server, within: .seconds(600))
      // From now on the listener is closed.
      #expect(try await eventually { (try? TestClient(port: server.port)) == nil })
      try client.send(Array(request.suffix(2)))
      #expect(try client.receiveHead().status == 101)
      #expect(try client.take(4) == [0x88, 11, 0x03, 0xF4])
      try client.send(ClientFrame.close(1012).bytes)
      #expect(try await drain.report() == DrainReport(cutConnections: 0))
    }
  }

  /// Clients come, are told, and go in every way there is, while workers are signalled from all sides: who stays misses
  /// nothing, and each session ends once.
  @Test func nothingIsMissedWhoeverComesAndGoes() async throws {
    var random = SeededRandom()
    let feed = Feed()
    try await withServer(ServerConfiguration(workerCount: 2), feed) { server in
      let lasting = try (0..<6).map { _ in try WebSocketClient(port: server.port, "/feed") }
      let signals = DispatchGroup()
      for _ in 0..<3 {
        DispatchQueue.global().async(group: signals) { for _ in 0..<20_000 { server.signal() } }
      }
      for number in 0..<300 {
        feed.tell("message \(number)", server)
        let path = random.pick(["/feed", "/endless", "/echo"])
        let passing = try WebSocketClient(port: server.port, path, receiveBufferBytes: 8_192)
        if random.oneIn(2) { try passing.send(text: "hello") }
        if random.oneIn(2) { _ = try passing.client.take(path == "/echo" ? 0 : 10) }
        if random.oneIn(2) { passing.client.reset() } else { passing.client.close() }
      }
      for socket in lasting {
        for number in 0..<300 { #expect(try socket.receiveText() == "message \(number)") }
      }
      await withCheckedContinuation { done in signals.notify(queue: .global()) { done.resume() } }
      #expect(try await eventually { feed.openCount == 6 && server.connectionCount == 6 })
    }
    #expect(feed.openCount == 0)
  }

  /// The server reads the request of a client that has reset its connection already, and can't send the answer's head.
  @Test func whoIsGoneBeforeTheAnswerEndsWhatBegan() async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      for _ in 0..<300 {
        let client = try TestClient(port: server.port)
        try client.send(WebSocketClient.request("/feed"))
        client.reset()
      }
      let lasting = try WebSocketClient(port: server.port, "/feed")
      #expect(try await eventually { server.connectionCount == 1 })
      #expect(feed.openCount == 1 && feed.begun > 1)
      _ = lasting
    }
  }

  @Test func whatIsKeptOfMessagesHasABound() async throws {
    var configuration = ServerConfiguration()
    configuration.limits.bufferedBytesMax = 1_048_576
    let feed = Feed(MessageLimits(messageBytesMax: 16_777_216))
    try await withServer(configuration, feed) { server in
      let part = ClientFrame(2, [UInt8](repeating: 1, count: 300_000), isFinal: false)
      let sockets = try (0..<4).map { _ in try WebSocketClient(port: server.port, "/feed") }
      var answers: [ServerFrame] = []
      for socket in sockets {
        try socket.send(part, ClientFrame(9, []))
        answers.append(try socket.receive())
      }
      // Four don't fit. The first does, and is none the worse for the others.
      #expect(answers[0].opcode == 10)
      #expect(answers.contains { $0.opcode == 8 && $0.payload.starts(with: [0x03, 0xF5]) })
      #expect(answers.allSatisfy { $0.opcode == 8 || $0.opcode == 10 })
      try sockets[0].send(ClientFrame(9, []))
      #expect(try sockets[0].receive().opcode == 10)
    }
  }

  @Test func mayBeginAfterItsRequestHasWaited() async throws {
    let (gate, feed) = (Gate(), Feed())
    let handler: ClosureHandler.Body = { request, response, context in
      guard gate.isOpen(orWake: context.waker) else {
        return .park(until: context.now + .seconds(60))
      }
      return feed.handle(request, &response, context)
    }
    try await withServer(ServerLimits(), handler) { server in
      let client = try TestClient(port: server.port)
      try client.send(
        Array(WebSocketClient.request("/echo").utf8) + ClientFrame(text: "early").bytes)
      #expect(try await eventually { gate.wakers.count == 1 })
      gate.open()
      #expect(try client.receiveHead().status == 101)
      #expect(try client.take(7) == [0x81, 5] + Array("early".utf8))
    }
  }

  @Test func aClientBehindAProxyHasAShare() async throws {
    var configuration = ServerConfiguration()
    configuration.limits.connectionsPerAddressMax = 2
    configuration.trustedProxies = TrustedProxies([try #require(AddressRange("127.0.0.0/8"))])
    let feed = Feed()
    try await withServer(configuration, feed) { server in
      let fields = ["X-Forwarded-For: 192.0.2.1"]
      let first = try WebSocketClient(port: server.port, "/feed", fields: fields)
      let stream = try TestClient(port: server.port)
      try stream.send("GET /stream HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
      #expect(try await eventually { feed.begun == 2 })
      let third = try TestClient(port: server.port)
      try third.send(WebSocketClient.request("/feed", fields))
      let refusal = try third.receive()
      #expect(refusal.status == 429)
      #expect(refusal.fields["upgrade"] == nil)
      let other = try WebSocketClient(
        port: server.port, "/feed", fields: ["X-Forwarded-For: 192.0.2.2"])
      // The end awaited is the first one's: the other lives on.
      defer { other.client.close() }
      first.client.close()
      #expect(try await eventually { feed.ended == 1 })
      let again = try WebSocketClient(port: server.port, "/feed", fields: fields)
      #expect(again.answer.status == 101)
    }
  }

  @Test func theAccessLogHasALineAtTheEnd() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/onhand-\(UUID().uuidString).log"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = try #require(AccessLog(path: path))
    let feed = Feed()
    var names: [String] = []
    try await withServer(ServerConfiguration(accessLog: log), feed) { server in
      let socket = try WebSocketClient(port: server.port, "/feed?token=abc")
      names.append(socket.answer.fields["x-request-id"] ?? "")
      feed.tell("hello", server)
      #expect(try socket.receiveText() == "hello")
      socket.client.close()
      #expect(try await eventually { feed.ended == 1 })
      let stream = try TestClient(port: server.port)
      try stream.send(get("/stream"))
      names.append(try stream.receiveHead().fields["x-request-id"] ?? "")
      feed.finish(server)
      #expect(stream.drained() == "5\r\nhello\r\n0\r\n\r\n")
    }
    await withCheckedContinuation { done in log.stop { done.resume() } }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.map { $0["status"] as? Int } == [101, 200])
    #expect(lines.map { $0["path"] as? String } == ["/feed", "/stream"])
    #expect(lines[0]["query"] as? String == "token=***")
    // A frame of two and five bytes; a chunk of 3, 5 and 2.
    #expect(lines.map { $0["bytes"] as? Int } == [7, 10])
    #expect(lines.map { $0["id"] as? String } == names)
    #expect(lines.allSatisfy { ($0["duration_us"] as? Int ?? -1) > 0 })
  }

  /// Something that does not grow any more.
  private func settled(_ count: () -> Int) async throws -> Int {
    var last = -1
    while count() != last || last == 0 {
      last = count()
      try await Task.sleep(for: .milliseconds(300))
    }
    return last
  }
}

/// Pings ten times a second, on a thread of its own.
private final class Pings: Sendable {
  private let isStopping = Atomic(false)
  private let isAnswered = Atomic(true)
  private let group = DispatchGroup()

  init(over socket: WebSocketClient) {
    let socket = Unchecked(socket)
    DispatchQueue.global().async(group: group) {
      while !self.isStopping.load(ordering: .relaxed) {
        guard (try? socket.value.send(ClientFrame(9, []))) != nil,
          (try? socket.value.receive())?.opcode == 10
        else { return self.isAnswered.store(false, ordering: .relaxed) }
        usleep(100_000)
      }
    }
  }

  /// Whether all were answered.
  func stop() async -> Bool {
    isStopping.store(true, ordering: .relaxed)
    await withCheckedContinuation { done in group.notify(queue: .global()) { done.resume() } }
    return isAnswered.load(ordering: .relaxed)
  }
}

/// Handed to one other thread, and used by that alone.
private struct Unchecked<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

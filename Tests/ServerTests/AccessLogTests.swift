import Addresses
import Foundation
import HTTPWire
import Testing

@testable import Server

@Suite struct AccessLogTests {
  @Test func eachAnswerHasALine() async throws {
    let lines = try await logged { client in
      try client.send(get("/a?x=1&y=%22\\"))
      let answer = try client.receive()
      try client.send("HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n")
      _ = try client.receive(toHead: true)
      try client.send("GET /big?50000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
      let compressed = try client.receive()
      try client.send("GET / HTTP/1.1\r\nHost : h\r\n\r\n")
      _ = try client.receive()
      return [answer.fields["x-request-id"] ?? "", String(compressed.bodyBytes.count)]
    }
    #expect(lines.log.count == 4)
    let first = lines.log[0]
    #expect(first["method"] as? String == "GET")
    #expect(first["path"] as? String == "/a")
    #expect(first["query"] as? String == "x=1&y=%22\\")
    #expect(first["status"] as? Int == 200)
    #expect(first["bytes"] as? Int == 7)
    #expect(first["remote"] as? String == "127.0.0.1")
    #expect(first["id"] as? String == lines.told[0])
    #expect((first["duration_us"] as? Int).map { (0..<10_000_000).contains($0) } == true)
    let time = try #require(first["time"] as? String)
    #expect(time.count == 24 && time.hasSuffix("Z") && time.hasPrefix("20"))
    #expect(lines.log[1]["bytes"] as? Int == 0)
    #expect(lines.log[1]["query"] == nil)
    #expect((lines.log[2]["bytes"] as? Int).map(String.init) == lines.told[1])
    #expect(lines.log[3]["status"] as? Int == 400)
    #expect(lines.log[3]["refusal"] as? String == "field_name_invalid")
    #expect(Set(lines.log.compactMap { $0["id"] as? String }).count == 4)
  }

  @Test(arguments: [
    ("token=abc&x=1", "token=***&x=1"), ("x=1&Access_Token=abc", "x=1&Access_Token=***"),
    ("t%6Fken=abc", "t%6Fken=***"), ("x=token", "x=token"), ("%zz=abc", "%zz=***"),
    ("password", "password=***"), ("a&&b=", "a=&b="),
  ])
  func whatNobodyElseMayKnowIsLeftOut(_ query: String, _ logged: String) async throws {
    let lines = try await self.logged { client in
      try client.send(
        "GET /a?\(query) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer abc\r\nCookie: abc\r\n\r\n")
      _ = try client.receive()
      return []
    }
    #expect(lines.log[0]["query"] as? String == logged)
    #expect(!lines.text.contains("abc"))
  }

  @Test func aTrustedProxyNamesTheClientAndTheRequest() async throws {
    let proxies = TrustedProxies([try #require(AddressRange("127.0.0.1"))])
    let lines = try await logged(proxies) { client in
      for id in ["given-1", "two words", String(repeating: "x", count: 129)] {
        try client.send(
          "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 2001:db8::7\r\nX-Request-Id: \(id)\r\n\r\n"
        )
      }
      return try (0..<3).map { _ in try client.receive().fields["x-request-id"] ?? "" }
    }
    #expect(lines.log.map { $0["remote"] as? String } == Array(repeating: "2001:db8::7", count: 3))
    #expect(lines.log.map { $0["id"] as? String } == lines.told)
    #expect(lines.told[0] == "given-1")
    #expect(lines.told.allSatisfy { $0.count < 30 && !$0.contains(" ") })
  }

  @Test func nobodyElseNamesThem() async throws {
    let lines = try await logged { client in
      try client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-Id: mine\r\n\r\n")
      return [try client.receive().fields["x-request-id"] ?? ""]
    }
    #expect(lines.log[0]["remote"] as? String == "127.0.0.1")
    #expect(lines.told[0] != "mine")
  }

  @Test func linesThatNobodyTakesAreDroppedAndCounted() async throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    let reader = ends[0]
    defer { close(reader) }
    let log = AccessLog(descriptor: ends[1])
    let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
    for _ in 0..<5_000 { line.withUnsafeBytes { log.add(ByteView($0)) } }
    await withCheckedContinuation { done in log.stop { done.resume() } }
    // The bound and what the pipe holds.
    #expect(log.dropped.value > 3_700)
    var taken = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    #expect(fcntl(reader, F_SETFL, O_NONBLOCK) == 0)
    while case let count = read(reader, &buffer, buffer.count), count > 0 { taken += count }
    #expect(taken % 1_000 == 0)
    #expect(taken / 1_000 + log.dropped.value == 5_000)
  }

  @Test func aFileThatCannotBeWrittenIsNoLog() {
    #expect(AccessLog(path: "/nonexistent/access.log") == nil)
  }

  private struct Logged {
    var told: [String]
    var text: String
    var log: [[String: Any]]
  }

  /// What is logged while `body` runs, and what it returns.
  private func logged(
    _ proxies: TrustedProxies = TrustedProxies(), _ body: (TestClient) throws -> [String]
  ) async throws -> Logged {
    let path = FileManager.default.temporaryDirectory.path + "/onhand-\(UUID().uuidString).log"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = try #require(AccessLog(path: path))
    var told: [String] = []
    let handler: ClosureHandler.Body = { request, response, context in
      request.path == "/big"
        ? sized(request, &response, context) : echo(request, &response, context)
    }
    try await withServer(trustedProxies: proxies, accessLog: log, handler) { server in
      told = try body(TestClient(port: server.port))
    }
    await withCheckedContinuation { done in log.stop { done.resume() } }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let lines = try text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    return Logged(told: told, text: text, log: lines)
  }
}

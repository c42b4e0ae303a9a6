import Foundation
import HTTPCorpus
import HTTPWire
import TestSupport
import Testing

/// Everything hostile over sockets, against a server in a process of its own.
@Suite(.serialized) struct HostileCorpusTests {
  @Test func eachHostileRequestIsToldItsReason() throws {
    let server = try ServerProcess()
    for hostile in HostileRequest.all {
      let client = try TestClient(port: server.port)
      try client.send(hostile.bytes)
      let refusal = try client.receive()
      #expect(refusal.status == Int(hostile.status), "\(hostile)")
      #expect(refusal.fields["content-type"] == "application/problem+json")
      let problem = try JSONSerialization.jsonObject(with: Data(refusal.bodyBytes))
      let members = try #require(problem as? [String: Any])
      #expect(members["code"] as? String == hostile.refusal.rawValue, "\(hostile)")
      #expect(members["status"] as? Int == Int(hostile.status))
      for name in ["type", "title", "detail"] {
        #expect((members[name] as? String)?.isEmpty == false, "\(name) of \(hostile)")
      }
    }
    #expect(server.isAlive)
  }

  @Test func aRequestThatEndsAnywhereIsNeverServed() throws {
    let server = try ServerProcess()
    let goods = GoodRequest.all.map { Array($0.text.utf8) }
    var count = 0
    for bytes in goods + HostileRequest.all.map(\.bytes) {
      for end in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 150)) {
        let client = try TestClient(port: server.port)
        try? client.send(Array(bytes[..<end]))
        client.finishSending()
        let answer = client.drained()
        #expect(
          !answer.contains("X-Echo"), "\(end) bytes of \(String(decoding: bytes, as: UTF8.self))")
        count += 1
      }
    }
    #expect(count > 7_000)
    #expect(server.isAlive)
  }

  @Test func memoryStaysFlatUnderAHundredMegabytesOfBody() throws {
    let server = try ServerProcess()
    let block = [UInt8](repeating: 0x61, count: 1_000_000)
    let chunk = Array("f4240\r\n".utf8) + block + Array("\r\n".utf8)
    let before = try server.residentBytes()
    for (fields, piece) in [
      ("Content-Length: 100000000", block), ("Transfer-Encoding: chunked", chunk),
    ] {
      for _ in 0..<3 {
        let client = try TestClient(port: server.port)
        try client.send("POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n")
        // It ends when the server has had enough of being sent what it does not want.
        for _ in 0..<100 where (try? client.send(piece)) == nil { break }
        #expect(client.drained().contains("body_too_large"))
      }
    }
    #expect(try server.residentBytes() - before < 16_000_000)
    #expect(server.isAlive)
  }

  @Test func memoryStaysFlatUnderManyThatDrip() throws {
    let server = try ServerProcess()
    let before = try server.residentBytes()
    let clients = try (0..<300).map { _ in try TestClient(port: server.port) }
    let starts = [
      "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999\r\n\r\n",
    ]
    for (number, client) in clients.enumerated() { try client.send(starts[number % 2]) }
    let bystander = try TestClient(port: server.port)
    for _ in 0..<30 {
      for client in clients { try? client.send("a") }
      try bystander.send(get("/"))
      #expect(try bystander.receive().status == 204)
      usleep(100_000)
    }
    for client in clients { #expect(client.drained().contains("request_timeout")) }
    #expect(try server.residentBytes() - before < 16_000_000)
    #expect(server.isAlive)
  }

  @Test(.enabled(if: ServerProcess.hasNginx, "nginx is not installed"))
  func whatNginxServesTooIsTheSame() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/onhand-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (ours, theirs) = (try ServerProcess(), try ServerProcess(nginxIn: folder))
    var random = SeededRandom()
    let goods = GoodRequest.all.map { Array($0.text.utf8) }
    let texts = goods + HostileRequest.all.map(\.bytes)
    let pairs = (0..<3_000).map { _ in damaged(random.oneIn(3) ? texts : goods, &random) }
    var (servedByBoth, servedByThem) = (0, 0)
    for bytes in texts + pairs where bytes.count < 8_000 {
      let our = try echoes(of: bytes, from: ours)
      let their = try echoes(of: bytes, from: theirs)
      servedByBoth += zip(our, their).count { _ in true }
      servedByThem += max(0, their.count - our.count)
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(Array(zip(our, their)).allSatisfy { $0 == $1 }, "\(our) \(their) \(text)")
      #expect(our.count <= their.count || isOursAlone(text), "\(our) \(their) \(text)")
    }
    print("nginx and we served \(servedByBoth) requests alike; it served \(servedByThem) more")
    #expect(servedByBoth > 1_000)
  }

  /// What nginx does not serve: TRACE, `OPTIONS *`, a tab around a host (RFC 9110 5.6.3 has it), a path that is
  /// not percent-encoded, which our endpoints refuse, expectations of HTTP/1.0, which mean nothing; and
  /// what follows `close` anywhere in `Connection`.
  private func isOursAlone(_ text: String) -> Bool {
    text.split(separator: "\r\n").contains { line in
      line.contains("TRACE ") || line.contains("OPTIONS *") || line.contains("%")
        || line.hasPrefix("Expect:")
        || line.hasPrefix("Host:") && line.contains("\t")
        || line.hasPrefix("Connection:") && line.lowercased().contains("close")
    }
  }

  /// What was served of `bytes`, in order, up to the first refusal.
  private func echoes(of bytes: [UInt8], from server: ServerProcess) throws -> [String] {
    let client = try TestClient(port: server.port)
    try? client.send(bytes)
    client.finishSending()
    var echoes: [String] = []
    while let answer = try? client.receive() {
      if answer.status == 100 { continue }
      guard answer.status == 204 else { break }
      // nginx tells an empty query from none.
      let echo = answer.fields["x-echo"] ?? ""
      echoes.append(echo.hasSuffix("?") && !echo.hasSuffix("??") ? String(echo.dropLast()) : echo)
    }
    return echoes
  }

  private func damaged(_ texts: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = random.pick(texts) + random.pick(texts)
    for _ in 0..<random.number(0...3) {
      let index = random.number(0...bytes.count - 1)
      switch random.number(0...3) {
      case 0: bytes[index] = random.pick(Self.telling)
      case 1: bytes.insert(random.pick(Self.telling), at: index)
      case 2 where bytes.count > 1: bytes.remove(at: index)
      default: bytes.insert(contentsOf: bytes.prefix(index).suffix(9), at: index)
      }
    }
    return bytes
  }

  /// Bytes that mean something somewhere in a request.
  private static let telling = Array("\r\n\0 \t:;,?#*/0F\u{7f}".utf8)
}

import CZlib
import HTTPWire
import Server
import Synchronization
import Testing

@Suite struct CompressionTests {
  @Test func aLargeAnswerIsCompressedForWhoAcceptsIt() async throws {
    try await withServer(ServerLimits(), tagged) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/?50000"))
      let plain = try client.receive()
      try client.send(get("/?50000", accepting: "gzip"))
      let compressed = try client.receive()
      #expect(plain.fields["content-encoding"] == nil)
      #expect(plain.fields["etag"] == "\"t\"")
      #expect(compressed.fields["content-encoding"] == "gzip")
      #expect(compressed.fields["etag"] == "W/\"t\"")
      for answer in [plain, compressed] { #expect(answer.fields["vary"] == "Accept-Encoding") }
      #expect(compressed.bodyBytes.count < 1_000)
      #expect(gunzipped(compressed.bodyBytes, upTo: 60_000) == plain.bodyBytes)
    }
  }

  @Test(arguments: [
    get("/?1399", accepting: "gzip"), get("/?50000", accepting: "gzip;q=0"),
    get("/?50000", accepting: "br"), get("/picture?50000", accepting: "gzip"),
    get("/part?50000", accepting: "gzip"), get("/noise?50000", accepting: "gzip"),
  ])
  func anyOtherAnswerGoesAsItIs(_ request: String) async throws {
    try await withServer(ServerLimits(), tagged) { server in
      let client = try TestClient(port: server.port)
      try client.send(request)
      let answer = try client.receive()
      #expect(answer.fields["content-encoding"] == nil)
      #expect(answer.fields["etag"] == "\"t\"")
    }
  }

  @Test func anAnswerToHeadTellsWhatGetWouldHave() async throws {
    try await withServer(ServerLimits(), tagged) { server in
      let client = try TestClient(port: server.port)
      let request = get("/?50000", accepting: "gzip")
      try client.send(request)
      var fields = try client.receive().fields
      try client.send("HEAD" + request.dropFirst(3))
      var headFields = try client.receive(toHead: true).fields
      fields["date"] = nil
      headFields["date"] = nil
      #expect(headFields == fields)
    }
  }

  @Test func aClientIsToldThatWhatItHasIsCurrentByTheTagOfWhatItHas() async throws {
    try await withServer(ServerLimits(), tagged) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/current?50000", accepting: "gzip"))
      let answer = try client.receive()
      #expect(answer.status == 304)
      #expect(answer.fields["etag"] == "W/\"t\"")
      #expect(answer.fields["vary"] == "Accept-Encoding")
    }
  }

  @Test func pipelinedAnswersKeepTheirOrder() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let client = try TestClient(port: server.port)
      let sizes = [300_000, 5, 2_000, 0, 100_000, 1_400]
      try client.send(sizes.map { get("/?\($0)", accepting: "gzip") }.joined())
      for size in sizes {
        let answer = try client.receive()
        #expect((answer.fields["content-encoding"] == "gzip") == (size >= 1_400))
        let body =
          size < 1_400 ? answer.bodyBytes : gunzipped(answer.bodyBytes, upTo: 400_000)
        #expect(body?.count == size)
      }
    }
  }

  @Test func aClientThatHasFinishedSendingGetsItsCompressedAnswer() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let client = try TestClient(port: server.port)
      try client.send(get("/?3000000", accepting: "gzip"))
      client.finishSending()
      #expect(try client.receive().fields["content-encoding"] == "gzip")
      #expect(try client.hasEnded())
    }
  }

  @Test func aClientThatLeavesWhileItsAnswerIsCompressedHarmsNobody() async throws {
    try await withServer(ServerLimits(), sized) { server in
      for _ in 0..<20 {
        let client = try TestClient(port: server.port)
        try client.send(get("/?3000000", accepting: "gzip"))
        client.reset()
      }
      #expect(try await eventually { server.connectionCount == 0 })
      let client = try TestClient(port: server.port)
      try client.send(get("/?3"))
      #expect(try client.receive().body == "012")
    }
  }

  @Test func answersBeyondWhatMayWaitGoAsTheyAre() async throws {
    try await withServer(ServerLimits(), sized) { server in
      let clients = try (0..<40).map { _ in try TestClient(port: server.port) }
      for client in clients { try client.send(get("/?2000000", accepting: "gzip")) }
      let answers = try clients.map { try $0.receive() }
      let compressed = answers.count { $0.fields["content-encoding"] == "gzip" }
      #expect(compressed > 0)
      for answer in answers where answer.fields["content-encoding"] == nil {
        #expect(answer.bodyBytes.count == 2_000_000)
      }
    }
  }

  /// Answers with as many bytes as the query says, under a tag.
  private let tagged: ClosureHandler.Body = { request, response, context in
    response.addField("ETag", "\"t\"")
    if request.path == "/picture" { response.mediaType = MediaType("image/png") }
    if request.path == "/part" { response.status = .partialContent }
    if request.path == "/current" { response.status = .notModified }
    guard request.path == "/noise" else { return sized(request, &response, context) }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<(request.query.decimal ?? 0) {
      response.body.append(UInt8.random(in: 0...255, using: &random))
    }
    return .respond
  }
}

/// What `bytes` are in gzip, if that is no more than `count` bytes.
private func gunzipped(_ bytes: [UInt8], upTo count: Int) -> [UInt8]? {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  guard inflateInit2_(&stream, 31, ZLIB_VERSION, size) == Z_OK else { return nil }
  defer { inflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: count)
  let status = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
      (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
      return inflate(&stream, Z_FINISH)
    }
  }
  guard status == Z_STREAM_END, stream.avail_in == 0 else { return nil }
  return Array(output.prefix(Int(stream.total_out)))
}

private func get(_ target: String, accepting codings: String) -> String {
  "GET \(target) HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(codings)\r\n\r\n"
}

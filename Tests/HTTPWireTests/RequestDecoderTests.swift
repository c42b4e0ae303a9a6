import HTTPCorpus
import HTTPWire
import Testing

@Suite struct RequestDecoderTests {
  @Test(arguments: GoodRequest.all)
  func findsWhatWasSent(_ good: GoodRequest) {
    #expect(feed(Array(good.text.utf8)) == Reading(requests: [good.parsed], end: .between))
  }

  @Test(arguments: GoodRequest.all)
  func findsTheSameByteByByte(_ good: GoodRequest) {
    #expect(feedSingly(Array(good.text.utf8)) == Reading(requests: [good.parsed], end: .between))
  }

  @Test(arguments: GoodRequest.all)
  func findsTheSameCutInTwoAnywhere(_ good: GoodRequest) {
    let bytes = Array(good.text.utf8)
    for cut in bytes.indices {
      #expect(feed(bytes, cuts: [cut]) == Reading(requests: [good.parsed], end: .between))
    }
  }

  @Test(arguments: GoodRequest.all)
  func waitsForTheRestWhereverItIsTruncated(_ good: GoodRequest) {
    let bytes = Array(good.text.utf8)
    for end in 1..<bytes.count {
      #expect(feed(Array(bytes[..<end])) == Reading(requests: [], end: .within))
    }
  }

  @Test func findsPipelinedRequestsWholeAndByteByByte() {
    let bytes = GoodRequest.all.flatMap { Array($0.text.utf8) }
    let expected = Reading(requests: GoodRequest.all.map(\.parsed), end: .between)
    #expect(feed(bytes) == expected)
    #expect(feedSingly(bytes) == expected)
  }

  @Test(arguments: HostileRequest.all)
  func refusesForTheOneReason(_ hostile: HostileRequest) {
    #expect(feed(hostile.bytes) == Reading(requests: [], end: .refused(hostile.refusal)))
    #expect(hostile.refusal.status.rawValue == hostile.status)
  }

  @Test(arguments: HostileRequest.all)
  func refusesTheSameByteByByte(_ hostile: HostileRequest) {
    #expect(feedSingly(hostile.bytes) == Reading(requests: [], end: .refused(hostile.refusal)))
  }

  @Test(arguments: HostileRequest.all)
  func neverFindsARequestInAHostilePrefix(_ hostile: HostileRequest) {
    for end in stride(from: 1, to: hostile.bytes.count, by: max(1, hostile.bytes.count / 200)) {
      let outcome = feed(Array(hostile.bytes[..<end]))
      #expect(outcome.requests.isEmpty)
      #expect(outcome.end == .within || outcome.end == .refused(hostile.refusal))
    }
  }

  @Test func everyRefusalHasAHostileRequest() {
    let met = Set(HostileRequest.all.map(\.refusal))
    #expect(Set(RequestRefusal.allCases).subtracting(met).isEmpty)
  }

  @Test func servesWhatPrecedesARefusal() {
    let good = GoodRequest.all[0]
    let outcome = feed(Array((good.text + "BAD\r\n").utf8))
    #expect(outcome == Reading(requests: [good.parsed], end: .refused(.requestLineInvalid)))
  }

  @Test func takesRequestsAsLargeAsTheLimitsAndNoLarger() {
    let line = "POST /aa HTTP/1.1\r\n"
    let head = line + "Host: h\r\nContent-Length: 4\r\n\r\n"
    let bytes = Array((head + "body").utf8)
    func limits(line: Int = 0, head: Int = 0, fields: Int = 0, body: Int = 0) -> RequestLimits {
      RequestLimits(
        requestLineBytesMax: 19 + line, headBytesMax: 49 + head, fieldCountMax: 2 + fields,
        bodyBytesMax: 4 + body)
    }
    #expect((line.utf8.count, head.utf8.count) == (19, 49))
    #expect(feed(bytes, limits: limits()).requests.count == 1)
    #expect(feed(bytes, limits: limits(line: -1)).end == .refused(.requestTargetTooLong))
    #expect(feed(bytes, limits: limits(head: -1)).end == .refused(.headTooLarge))
    #expect(feed(bytes, limits: limits(fields: -1)).end == .refused(.fieldsTooMany))
    #expect(feed(bytes, limits: limits(body: -1)).end == .refused(.bodyTooLarge))
  }

  @Test func refusesAsSoonAsALimitIsReached() {
    let limits = RequestLimits(requestLineBytesMax: 100, headBytesMax: 200)
    let line = Array("GET /".utf8) + [UInt8](repeating: 0x61, count: 95)
    #expect(feed(Array(line.dropLast()), limits: limits).end == .within)
    #expect(feed(line, limits: limits).end == .refused(.requestTargetTooLong))
    let head = Array("GET / HTTP/1.1\r\nX:".utf8) + [UInt8](repeating: 0x61, count: 182)
    #expect(feed(Array(head.dropLast()), limits: limits).end == .within)
    #expect(feed(head, limits: limits).end == .refused(.headTooLarge))
  }

  @Test func joinsChunksOfEverySizeCutEverywhere() {
    let body = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    for size in [1, 2, 7, 16, 299, 300] {
      let bytes = chunkedRequest(body, chunkBytes: size)
      for step in [1, 3, 64] {
        let outcome = feed(bytes, cuts: Array(stride(from: 0, to: bytes.count, by: step)))
        #expect(outcome.requests.map(\.body) == [body])
        #expect(outcome.end == .between)
      }
    }
  }

  @Test func asksToContinueOnceAndOnlyBeforeTheBody() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    #expect(continues(head, showing: [head.utf8.count, head.utf8.count]) == [true, false])
    #expect(continues(head + "ok", showing: [head.utf8.count + 1]) == [false])
  }

  /// Whether the decoder asks to continue when it is shown the first so many bytes of `text`.
  private func continues(_ text: String, showing counts: [Int]) -> [Bool] {
    var decoder = RequestDecoder()
    var fields = FieldTable(capacity: 8)
    var bytes = Array(text.utf8)
    return counts.map { count in
      bytes.withUnsafeMutableBytes { bytes in
        let shown = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
        switch decoder.decode(shown, RequestLimits(), &fields) {
        case .awaitsContinue: return true
        case .incomplete, .complete, .refused: return false
        }
      }
    }
  }

  private func chunkedRequest(_ body: [UInt8], chunkBytes: Int) -> [UInt8] {
    var bytes = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for start in stride(from: 0, to: body.count, by: chunkBytes) {
      let chunk = body[start..<min(start + chunkBytes, body.count)]
      bytes += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + [13, 10]
    }
    return bytes + Array("0\r\n\r\n".utf8)
  }
}

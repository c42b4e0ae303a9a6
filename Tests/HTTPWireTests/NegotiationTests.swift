import HTTPWire
import Testing

/// What a client wants of the representations there are.
@Suite struct NegotiationTests {
  @Test(arguments: [
    ("gzip", true), ("GZIP", true), ("x-gzip", true), ("br, gzip;q=0.1", true), ("*", true),
    ("gzip, deflate, br, zstd", true), ("gzip; q=0.5", true), ("gzip ;Q=1.000", true),
    ("gzip;q=0.5, identity;q=0.5", true), ("gzip;q=0.001", true), ("*;q=0, gzip", true),
    ("identity;q=0, *", true),
    ("", false), ("br", false), ("identity", false), ("gzip;q=0", false), ("gzip;q=0.000", false),
    ("*;q=0", false), ("*, gzip;q=0", false), ("gzip;q=0.5, identity", false),
    ("gzip;q=0.4, identity;q=0.5", false), ("gzip;q=2", false), ("gzip;q=1.001", false),
    ("gzip;q=0.0001", false), ("gzip;q=.5", false), ("gzip;q=-1", false), ("gzip;q=", false),
    ("gzip;p=1", false), ("gzip;q=0.a", false), ("gzipped", false), (",,;q=1,;", false),
  ])
  func gzipIsSentToWhoWantsIt(_ field: String, _ isWanted: Bool) {
    withRequest(["Accept-Encoding: " + field]) {
      #expect(AcceptedCodings($0).preferGzip == isWanted)
    }
  }

  @Test func codingsOfSeveralFieldsAreOneList() {
    withRequest(["Accept-Encoding: br", "accept-encoding: gzip;q=0.3"]) {
      #expect(AcceptedCodings($0).preferGzip)
    }
    withRequest([]) { #expect(!AcceptedCodings($0).preferGzip) }
  }

  @Test(arguments: [
    ("\"a\"", true), ("W/\"a\"", true), ("*", true), ("\"b\", \"a\"", true),
    ("\"x,y\" ,,W/\"a\"", true), ("\"\",\"a\"", true),
    ("\"b\"", false), ("a", false), ("\"a", false), ("w/\"a\"", false), ("", false),
    ("\"aa\"", false), ("x, \"a\"", false), ("W/", false),
  ])
  func aTagIsFoundInAList(_ field: String, _ isNamed: Bool) {
    withRequest(["If-None-Match: " + field]) { request in
      Array("\"a\"".utf8).withUnsafeBytes { tag in
        #expect(request.ifNoneMatch(names: ByteView(tag)) == isNamed)
      }
    }
  }

  @Test(
    arguments: [
      ("bytes=0-0", .part(0..<1)), ("bytes=2-5", .part(2..<6)), ("bytes=5-", .part(5..<10)),
      ("bytes=0-9", .part(0..<10)), ("bytes=0-99999", .part(0..<10)), ("bytes=-3", .part(7..<10)),
      ("bytes=-99", .part(0..<10)), ("Bytes=9-9223372036854775807", .part(9..<10)),
      ("bytes=10-", .unsatisfiable), ("bytes=10-20", .unsatisfiable), ("bytes=-0", .unsatisfiable),
      ("bytes=5-4", .whole), ("bytes=", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole),
      ("bytes=1", .whole), ("bytes=0-1,3-4", .whole), ("lines=0-1", .whole), ("bytes=+1-2", .whole),
      ("bytes=1-2-3", .whole), ("bytes=9223372036854775808-", .whole), ("bytes=--1", .whole),
    ] as [(String, RangeRequest)])
  func aPartIsReadStrictly(_ field: String, _ range: RangeRequest) {
    #expect(read(["Range: " + field]) == range)
  }

  @Test func aPartOfAnotherVersionIsNotSent() {
    #expect(read(["Range: bytes=1-2", "If-Range: \"t\""]) == .part(1..<3))
    #expect(read(["Range: bytes=1-2", "If-Range: \"u\""]) == .whole)
    #expect(read(["Range: bytes=1-2", "If-Range: W/\"t\""]) == .whole)
    #expect(
      read(["Range: bytes=1-2", "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"]) == .whole)
  }

  @Test func aPartIsNotSentForHeadOrForTwoWishes() {
    #expect(read(["Range: bytes=1-2"], method: "HEAD") == .whole)
    #expect(read(["Range: bytes=1-2", "Range: bytes=2-3"]) == .whole)
  }

  @Test func nothingOfAnEmptyFileCanBeSent() {
    #expect(read(["Range: bytes=0-"], byteCount: 0) == .unsatisfiable)
    #expect(read(["Range: bytes=-1"], byteCount: 0) == .unsatisfiable)
  }

  private func read(
    _ fields: [String], method: String = "GET", byteCount: Int = 10
  ) -> RangeRequest {
    var range = RangeRequest.whole
    withRequest(fields, method: method) { request in
      range = Array("\"t\"".utf8).withUnsafeBytes {
        RangeRequest(request, byteCount: byteCount, tag: ByteView($0))
      }
    }
    return range
  }

  /// Parses a request with `fields` and shows it to `body`.
  private func withRequest(
    _ fields: [String], method: String = "GET", _ body: (borrowing Request) -> Void
  ) {
    let lines = ["\(method) / HTTP/1.1", "Host: h"] + fields + ["", ""]
    var bytes = Array(lines.joined(separator: "\r\n").utf8)
    var decoder = RequestDecoder()
    var table = FieldTable(capacity: 10)
    bytes.withUnsafeMutableBytes { bytes in
      guard case .complete(let frame) = decoder.decode(bytes, RequestLimits(), &table) else {
        Issue.record("not a request")
        return
      }
      body(Request(frame, UnsafeRawBufferPointer(bytes), table))
    }
  }
}

import HTTPWire

/// Bytes that are refused, each for one reason.
package struct HostileRequest: Sendable, CustomStringConvertible {
  package let bytes: [UInt8]
  package let refusal: RequestRefusal
  package let status: UInt16

  package var description: String {
    String(decoding: bytes.prefix(60), as: UTF8.self).debugDescription
  }

  init(_ text: String, _ refusal: RequestRefusal, _ status: UInt16 = 400) {
    self.init(Array(text.utf8), refusal, status)
  }

  init(_ bytes: [UInt8], _ refusal: RequestRefusal, _ status: UInt16 = 400) {
    self.bytes = bytes
    self.refusal = refusal
    self.status = status
  }

  /// A GET whose fields behind Host are `fields`.
  private static func get(_ fields: String) -> String {
    "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n\r\n"
  }

  /// A chunked POST whose body is `chunks`.
  private static func chunked(_ chunks: String) -> String {
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
  }

  private static func line(_ line: String) -> String {
    line + "\r\nHost: h\r\n\r\n"
  }

  package static let all = requestLines + fields + hosts + lengths + chunks + sizes

  private static let requestLines: [HostileRequest] = [
    HostileRequest(line("GET /"), .requestLineInvalid),
    HostileRequest(line("GET  / HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("GET /  HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("GET / HTTP/1.1 "), .lineEndInvalid),
    HostileRequest(line(" GET / HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("GET\t/ HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("GET /\tHTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("G(T / HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("G\u{0}T / HTTP/1.1"), .requestLineInvalid),
    HostileRequest(line("/ HTTP/1.1"), .requestLineInvalid),
    HostileRequest("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLineInvalid),
    HostileRequest("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLineInvalid),
    HostileRequest("GET / HTTP/1.1\nHost: h\n\n", .lineEndInvalid),
    HostileRequest("GET / HTTP/1.1\rHost: h\r\n\r\n", .lineEndInvalid),
    HostileRequest([0x16, 0x03, 0x01, 0x02, 0x00], .requestLineInvalid),
    HostileRequest(line("GET / http/1.1"), .requestLineInvalid),
    HostileRequest(line("GET / HTTP/1"), .requestLineInvalid),
    HostileRequest(line("GET / HTTP/11"), .requestLineInvalid),
    HostileRequest(line("GET / HTTP/1.10"), .lineEndInvalid),
    HostileRequest(line("GET / HTTP/+1.1"), .requestLineInvalid),
    HostileRequest(line("GET / HTTP/2.0"), .versionUnsupported, 505),
    HostileRequest(line("GET / HTTP/0.9"), .versionUnsupported, 505),
    HostileRequest(line("GET / HTTP/1.2"), .versionUnsupported, 505),
    HostileRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionUnsupported, 505),
    HostileRequest(line("BREW / HTTP/1.1"), .methodUnknown, 501),
    HostileRequest(line("get / HTTP/1.1"), .methodUnknown, 501),
    HostileRequest(line("GETT / HTTP/1.1"), .methodUnknown, 501),
    HostileRequest(line("trace / HTTP/1.1"), .methodUnknown, 501),
    HostileRequest(line("CONNECT h:80 HTTP/1.1"), .methodUnknown, 501),
    HostileRequest(line("GET * HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET h:80 HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET a/b HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET ?a HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("OPTIONS ** HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET http:// HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET http:///a HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET http://h HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET https://h/ HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET /a#b HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET /\u{e9} HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET /\u{7f} HTTP/1.1"), .requestTargetInvalid),
    HostileRequest(line("GET /a\u{0} HTTP/1.1"), .requestTargetInvalid),
  ]

  private static let fields: [HostileRequest] = [
    HostileRequest(get("X : a"), .fieldNameInvalid),
    HostileRequest(get("X\t: a"), .fieldNameInvalid),
    HostileRequest(get(": a"), .fieldNameInvalid),
    HostileRequest(get("X"), .fieldNameInvalid),
    HostileRequest(get("X y: a"), .fieldNameInvalid),
    HostileRequest(get("X\u{0}: a"), .fieldNameInvalid),
    HostileRequest(get("X\u{e9}: a"), .fieldNameInvalid),
    HostileRequest(get("\u{0}: a"), .fieldNameInvalid),
    HostileRequest(get("(x): a"), .fieldNameInvalid),
    HostileRequest(get("X: a\u{0}b"), .fieldValueInvalid),
    HostileRequest(get("X: a\u{7f}"), .fieldValueInvalid),
    HostileRequest(get("X: \u{b}a"), .fieldValueInvalid),
    HostileRequest(get("X: a\u{1b}[0m"), .fieldValueInvalid),
    HostileRequest(get("X: a\r\n b"), .fieldFolded),
    HostileRequest(get("X: a\r\n\tb"), .fieldFolded),
    HostileRequest("GET / HTTP/1.1\r\n Host: h\r\n\r\n", .fieldFolded),
    HostileRequest(get("X: a\nY: b"), .lineEndInvalid),
    HostileRequest(get("X: a\rY: b"), .lineEndInvalid),
    HostileRequest(get("X: a\r\r\nY: b"), .lineEndInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: h\r\n\n", .lineEndInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: h\r\n\rX", .lineEndInvalid),
    HostileRequest(get("Expect: 200-ok"), .expectationUnknown, 417),
    HostileRequest(get("Expect: 100-continue, x"), .expectationUnknown, 417),
  ]

  private static let hosts: [HostileRequest] = [
    HostileRequest("GET / HTTP/1.1\r\n\r\n", .hostMissing),
    HostileRequest("GET http://h/ HTTP/1.1\r\n\r\n", .hostMissing),
    HostileRequest("GET http://h/ HTTP/1.0\r\n\r\n", .hostMissing),
    HostileRequest("GET / HTTP/1.1\r\nHost:\r\n\r\n", .hostInvalid),
    HostileRequest(get("Host: h"), .hostRepeated),
    HostileRequest(get("HOST: i"), .hostRepeated),
    HostileRequest("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", .hostRepeated),
    HostileRequest("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: :\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: h:80:90\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: h:a\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: h]\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: []\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: [h]:80\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: [[::1]]\r\n\r\n", .hostInvalid),
    HostileRequest("GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", .hostInvalid),
    HostileRequest("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", .hostContradictsTarget),
    HostileRequest("GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", .hostContradictsTarget),
  ]

  private static let lengths: [HostileRequest] = [
    HostileRequest(
      get("Content-Length: 1\r\nTransfer-Encoding: chunked"), .bodyLengthAmbiguous),
    HostileRequest(
      get("Transfer-Encoding: chunked\r\nContent-Length: 0"), .bodyLengthAmbiguous),
    HostileRequest(get("Content-Length: 1\r\nContent-Length: 1"), .contentLengthRepeated),
    HostileRequest(get("Content-Length: 0\r\ncontent-length: 1"), .contentLengthRepeated),
    HostileRequest(get("Content-Length: 1, 1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: +1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: -1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 0x1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 1 1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 1_1"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: \u{661}"), .contentLengthInvalid),
    HostileRequest(get("Content-Length:"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 9223372036854775808"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 18446744073709551617"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 9223372036854775807"), .bodyTooLarge, 413),
    HostileRequest(get("Content-Length: 1048577"), .bodyTooLarge, 413),
    HostileRequest(get("Transfer-Encoding: gzip, chunked"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: chunked, chunked"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: chunked, identity"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: identity"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: xchunked"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: \"chunked\""), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: chunked;a"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding:"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding:\u{b}chunked"), .fieldValueInvalid),
    HostileRequest(get("Transfer-Encoding: \tchunked"), .transferCodingUnknown, 501),
    HostileRequest(get("Transfer-Encoding: chunked \t "), .transferCodingUnknown, 501),
    HostileRequest(get("Content-Length:\t0"), .contentLengthInvalid),
    HostileRequest(get("Content-Length: 0 \t"), .contentLengthInvalid),
    HostileRequest(
      get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .transferCodingRepeated),
    HostileRequest(
      get("Transfer-Encoding: chunked\r\nTransfer-Encoding: x"), .transferCodingRepeated),
    HostileRequest(
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .transferCodingInHTTP10),
  ]

  private static let chunks: [HostileRequest] = [
    HostileRequest(chunked("\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("g\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("-1\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("+1\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("0x1\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked(" 1\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1 \r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1_0\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1\ra\r\n"), .lineEndInvalid),
    HostileRequest(chunked("1;a\nb\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1;a\u{0}\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("000000001\r\na\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("FFFFFFFFFFFFFFFFF\r\n"), .chunkSizeInvalid),
    HostileRequest(chunked("1\r\nab\r\n0\r\n\r\n"), .chunkEndInvalid),
    HostileRequest(chunked("1\r\na\n0\r\n\r\n"), .chunkEndInvalid),
    HostileRequest(chunked("1\r\na\rb"), .chunkEndInvalid),
    HostileRequest(chunked("0\r\nX : y\r\n\r\n"), .fieldNameInvalid),
    HostileRequest(chunked("0\r\n x\r\n\r\n"), .fieldFolded),
    HostileRequest(chunked("0\r\n\n"), .lineEndInvalid),
    HostileRequest(chunked("0\r\nX: y\n\r\n"), .lineEndInvalid),
    HostileRequest(chunked("FFFFFFFF\r\n"), .bodyTooLarge, 413),
    HostileRequest(chunked("1\r\na\r\n100000\r\n"), .bodyTooLarge, 413),
  ]

  private static let sizes: [HostileRequest] = [
    HostileRequest(
      line("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1"),
      .requestTargetTooLong, 414),
    HostileRequest(String(repeating: "A", count: 9_000), .requestTargetTooLong, 414),
    HostileRequest(
      get("X: " + String(repeating: "a", count: 17_000)), .headTooLarge, 431),
    HostileRequest(get(String(repeating: "x", count: 17_000)), .headTooLarge, 431),
    HostileRequest(
      get(String(repeating: "X: \r\n", count: 100) + "Y: "), .fieldsTooMany, 431),
    HostileRequest(
      chunked("1;" + String(repeating: "a", count: 300) + "\r\na\r\n"), .chunkLineTooLong),
    HostileRequest(
      chunked("0\r\n" + String(repeating: "X: y\r\n", count: 101) + "\r\n"), .fieldsTooMany, 431),
    HostileRequest(
      chunked("0\r\nX: " + String(repeating: "a", count: 17_000)), .headTooLarge, 431),
  ]
}

import HTTPWire

/// Requests that are served, each with what is to be found in it.
package struct GoodRequest: Sendable, CustomStringConvertible {
  package let text: String
  package let parsed: Parsed

  package var description: String { String(text.prefix(60)).debugDescription }

  init(
    _ text: String, method: Method = .get, version: HTTPVersion = .http11,
    path: String = "/", query: String = "", host: String = "h",
    fields: [String] = ["Host=h"], body: String = "", keepsAlive: Bool = true
  ) {
    self.text = text
    parsed = Parsed(
      method: method, version: version, path: path, query: query, host: host,
      fields: fields, body: Array(body.utf8), keepsAlive: keepsAlive)
  }

  package static let all: [GoodRequest] = [
    GoodRequest("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    GoodRequest(
      "GET /a/b%20c?x=1&y=%2F HTTP/1.1\r\nHost:h\r\n\r\n", path: "/a/b%20c", query: "x=1&y=%2F"),
    GoodRequest("GET /?? HTTP/1.1\r\nHost: \t h \t\r\n\r\n", query: "?"),
    GoodRequest("GET /? HTTP/1.1\r\nHost: h\r\n\r\n"),
    GoodRequest(
      "GET /a?in.(\"x\",{y}|z^`\\[]) HTTP/1.1\r\nHost: h\r\n\r\n", path: "/a",
      query: "in.(\"x\",{y}|z^`\\[])"),
    GoodRequest("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", method: .head),
    GoodRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", method: .options, path: "*"),
    GoodRequest("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", method: .delete),
    GoodRequest("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", method: .trace),
    GoodRequest(
      "QUERY / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n!", method: .query,
      fields: ["Host=h", "Content-Length=1"], body: "!"),
    GoodRequest("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    GoodRequest(
      "GET http://H:80/p?q HTTP/1.1\r\nHost: h:80\r\n\r\n", path: "/p", query: "q", host: "h:80",
      fields: ["Host=h:80"]),
    GoodRequest(
      "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", host: "[::1]:8080", fields: ["Host=[::1]:8080"]
    ),
    GoodRequest(
      "GET / HTTP/1.0\r\n\r\n", version: .http10, host: "", fields: [], keepsAlive: false),
    GoodRequest(
      "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", version: .http10, host: "",
      fields: ["Connection=Keep-Alive"]),
    GoodRequest(
      "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", version: .http10, host: "",
      fields: ["Connection=keep-alive, close"], keepsAlive: false),
    GoodRequest(
      "GET / HTTP/1.0\r\nExpect: miracles\r\n\r\n", version: .http10, host: "",
      fields: ["Expect=miracles"], keepsAlive: false),
    GoodRequest(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: x ,, CLOSE\r\n\r\n",
      fields: ["Host=h", "Connection=x ,, CLOSE"], keepsAlive: false),
    GoodRequest(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n",
      fields: ["Host=h", "Connection=closed"]),
    GoodRequest(
      "GET / HTTP/1.1\r\nHost: h\r\nX:\r\nY: a\tb  c \r\nZ: \u{e9}\r\n\r\n",
      fields: ["Host=h", "X=", "Y=a\tb  c", "Z=\u{e9}"]),
    GoodRequest(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", method: .post,
      fields: ["Host=h", "Content-Length=5"], body: "hello"),
    GoodRequest(
      "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", method: .put,
      fields: ["Host=h", "Content-Length=0"]),
    GoodRequest(
      "PATCH / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\n\r\n!", method: .patch,
      fields: ["Host=h", "Content-Length=003"], body: "\r\n!"),
    GoodRequest(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      method: .post, fields: ["Host=h", "Transfer-Encoding=chunked"], body: "hello"),
    GoodRequest(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "00A;x=\"y z\"\r\n0123456789\r\n1\r\n\r\r\nf\r\nabcdefghijklmno\r\n000;e\r\n"
        + "Sum: 1\r\nContent-Length: 7\r\n\r\n",
      method: .post, fields: ["Host=h", "Transfer-Encoding=Chunked"],
      body: "0123456789\rabcdefghijklmno"),
    GoodRequest(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", method: .post,
      fields: ["Host=h", "Transfer-Encoding=chunked"]),
    GoodRequest(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nok",
      method: .post, fields: ["Host=h", "Expect=100-Continue", "Content-Length=2"], body: "ok"),
  ]
}

import HTTPWire

/// Pages of which other origins may read answers (Fetch Standard, 3.2).
package struct CrossOrigins: Sendable {
  /// As browsers send them, `https://shop.example`; `*` for all.
  package var origins: [String]

  package init(_ origins: [String] = []) { self.origins = origins }

  /// How long a browser remembers the answer to a preflight, in seconds.
  private static let preflightAge: StaticString = "600"

  /// Adds what lets the page read the answer, if it may.
  func allow(_ request: borrowing Request, _ response: inout Response) {
    guard !origins.isEmpty else { return }
    let isForAll = origins.contains("*")
    // RFC 9110 12.5.5: whoever caches the answer must not give it to another origin.
    if !isForAll { response.addField("Vary", "Origin") }
    guard let origin = request.field("origin"), isForAll || isAllowed(origin) else { return }
    response.addField("Access-Control-Allow-Origin") { field in
      if isForAll { field.append("*") } else { field.append(origin) }
    }
    response.addField(
      "Access-Control-Expose-Headers",
      "ETag, Onhand-Position, Onhand-Stale, Retry-After, X-Request-Id")
  }

  /// Whether the page that opens a WebSocket may: browsers ask nobody before (RFC 6455 10.2). Programs send no `Origin`.
  func mayConnect(_ request: borrowing Request) -> Bool {
    guard let origin = request.field("origin") else { return true }
    return origins.contains("*") || isAllowed(origin) || Self.isOwn(origin, request.host)
  }

  /// Whether a page of this server itself is meant, whatever stands before it.
  private static func isOwn(_ origin: ByteView, _ host: ByteView) -> Bool {
    ["http://", "https://"].contains { scheme in
      origin.count == scheme.utf8.count + host.count
        && origin.bytes.prefix(scheme.utf8.count).elementsEqual(scheme.utf8)
        && origin[scheme.utf8.count..<origin.count].equalsIgnoringCase(host)
    }
  }

  /// Adds what a preflight asks for, if the page may send its request.
  func answerPreflight(
    _ request: borrowing Request, methods: StaticString, _ response: inout Response
  ) {
    guard !origins.isEmpty, let origin = request.field("origin"),
      origins.contains("*") || isAllowed(origin),
      request.field("access-control-request-method") != nil
    else { return }
    response.addField("Access-Control-Allow-Methods", methods)
    response.addField(
      "Access-Control-Allow-Headers",
      "Authorization, Content-Type, If-None-Match, Last-Event-ID, Onhand-Min-Position")
    response.addField("Access-Control-Max-Age", Self.preflightAge)
  }

  private func isAllowed(_ origin: ByteView) -> Bool {
    origins.contains { $0.utf8.elementsEqual(origin.bytes) }
  }
}

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
      "Authorization, Content-Type, If-None-Match, Onhand-Min-Position")
    response.addField("Access-Control-Max-Age", Self.preflightAge)
  }

  private func isAllowed(_ origin: ByteView) -> Bool {
    origins.contains { $0.utf8.elementsEqual(origin.bytes) }
  }
}

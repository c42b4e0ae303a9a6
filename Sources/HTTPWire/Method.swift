/// The request methods that are known; any other one is refused with 501 (RFC 9110 9.1).
///
/// TRACE and QUERY, which no resource takes, are known so that they can be refused with 405 and what is allowed.
package enum Method: UInt8, Sendable, CaseIterable {
  case get, head, post, put, patch, delete, options, trace, query

  package var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .query: "QUERY"
    }
  }

  /// The method a token names; methods are case-sensitive.
  init?(_ token: ByteView) {
    guard let method = Method.allCases.first(where: { token == $0.name }) else { return nil }
    self = method
  }
}

/// A response status (RFC 9110 15).
package enum Status: UInt16, Sendable, CaseIterable {
  case switchingProtocols = 101
  case ok = 200
  case created = 201
  case accepted = 202
  case noContent = 204
  case partialContent = 206
  case movedPermanently = 301
  case notModified = 304
  case badRequest = 400
  case unauthorized = 401
  case forbidden = 403
  case notFound = 404
  case methodNotAllowed = 405
  case notAcceptable = 406
  case requestTimeout = 408
  case conflict = 409
  case gone = 410
  case preconditionFailed = 412
  case contentTooLarge = 413
  case uriTooLong = 414
  case unsupportedMediaType = 415
  case rangeNotSatisfiable = 416
  case expectationFailed = 417
  case misdirectedRequest = 421
  case unprocessableContent = 422
  case upgradeRequired = 426
  case tooManyRequests = 429
  case requestHeaderFieldsTooLarge = 431
  case internalServerError = 500
  case notImplemented = 501
  case serviceUnavailable = 503
  case gatewayTimeout = 504
  case versionNotSupported = 505

  /// The status line's code and reason, `200 OK`.
  package var line: StaticString {
    switch self {
    case .switchingProtocols: "101 Switching Protocols"
    case .ok: "200 OK"
    case .created: "201 Created"
    case .accepted: "202 Accepted"
    case .noContent: "204 No Content"
    case .partialContent: "206 Partial Content"
    case .movedPermanently: "301 Moved Permanently"
    case .notModified: "304 Not Modified"
    case .badRequest: "400 Bad Request"
    case .unauthorized: "401 Unauthorized"
    case .forbidden: "403 Forbidden"
    case .notFound: "404 Not Found"
    case .methodNotAllowed: "405 Method Not Allowed"
    case .notAcceptable: "406 Not Acceptable"
    case .requestTimeout: "408 Request Timeout"
    case .conflict: "409 Conflict"
    case .gone: "410 Gone"
    case .preconditionFailed: "412 Precondition Failed"
    case .contentTooLarge: "413 Content Too Large"
    case .uriTooLong: "414 URI Too Long"
    case .unsupportedMediaType: "415 Unsupported Media Type"
    case .rangeNotSatisfiable: "416 Range Not Satisfiable"
    case .expectationFailed: "417 Expectation Failed"
    case .misdirectedRequest: "421 Misdirected Request"
    case .unprocessableContent: "422 Unprocessable Content"
    case .upgradeRequired: "426 Upgrade Required"
    case .tooManyRequests: "429 Too Many Requests"
    case .requestHeaderFieldsTooLarge: "431 Request Header Fields Too Large"
    case .internalServerError: "500 Internal Server Error"
    case .notImplemented: "501 Not Implemented"
    case .serviceUnavailable: "503 Service Unavailable"
    case .gatewayTimeout: "504 Gateway Timeout"
    case .versionNotSupported: "505 HTTP Version Not Supported"
    }
  }

  /// The reason phrase alone, `Not Found`.
  package var reason: ByteView {
    let line = line
    let digitsAndSpace = 4
    return ByteView(
      UnsafeRawBufferPointer(
        start: line.utf8Start + digitsAndSpace, count: line.utf8CodeUnitCount - digitsAndSpace))
  }

  /// Whether a response of this status ends with its head (RFC 9112 6.3).
  package var isBodiless: Bool {
    switch self {
    case .switchingProtocols, .noContent, .notModified: true
    default: false
    }
  }
}

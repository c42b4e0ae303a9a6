/// What a request's line and fields say, as places in the bytes they were read from.
package struct RequestHead: Sendable, Equatable {
  package var method = Method.get
  package var version = HTTPVersion.http11
  package var path = ByteRange.empty
  /// Without its `?`; empty when there is none.
  package var query = ByteRange.empty
  package var host = ByteRange.empty
  package var body = Body.none
  package var keepsAlive = true
  package var expectsContinue = false
  /// Everything up to and including the empty line.
  package var byteCount = 0

  /// How a body is delimited (RFC 9112 6.3).
  package enum Body: Sendable, Equatable {
    case none
    case sized(byteCount: Int)
    case chunked
  }

  init() {}
}

/// What came of one request.
package struct ReceiverAnswer: Sendable {
  /// Why there is no status.
  package enum Failure: String, Sendable {
    case resolve, connect, tls, timeout
    case addressRefused = "address_refused"
    case transfer, cancelled
  }

  /// Since the start, in microseconds; 0 where it did not come to that.
  package struct Times: Sendable {
    package var resolved: Int64 = 0
    package var connected: Int64 = 0
    package var secured: Int64 = 0
    package var firstByte: Int64 = 0
    package var total: Int64 = 0
  }

  /// Of HTTP, if there was an answer.
  package var status: Int?
  package var failure: Failure?
  /// libcurl's number for what failed.
  package var curlCode: Int32 = 0
  /// Whether any of the request may have reached the receiver.
  package var wasSent = false
  /// The first bytes of the answer.
  package var excerpt: [UInt8] = []
  package var retryAfter: String?
  package var times = Times()

  package var isSuccess: Bool { status.map { (200...299).contains($0) } ?? false }

  /// A word for people and logs.
  package var summary: String {
    if let status { return "status \(status)" }
    guard let failure else { return "nothing" }
    return curlCode == 0 ? failure.rawValue : "\(failure.rawValue) (curl \(curlCode))"
  }
}

/// A reason to refuse that a client is told as a problem document (RFC 9457).
///
/// The raw value is a stable code that programs branch on.
package protocol ProblemCode: RawRepresentable<String>, CaseIterable {
  var status: Status { get }
  /// One sentence for people, without anything that JSON escapes.
  var detail: StaticString { get }
}

extension Response {
  /// Makes this the problem document of a refusal.
  package mutating func refuse(_ problem: some ProblemCode) {
    reset()
    status = problem.status
    if status == .serviceUnavailable { addField("Retry-After", "1") }
    mediaType = .problem
    body.append("{\"type\":\"about:blank\",\"title\":\"")
    body.append(status.reason)
    body.append("\",\"status\":")
    body.append(decimal: Int(status.rawValue))
    body.append(",\"code\":\"")
    body.append(problem.rawValue)
    body.append("\",\"detail\":\"")
    body.append(problem.detail)
    body.append("\"}")
  }
}

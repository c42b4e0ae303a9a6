/// Why a private cluster could not be made, started or ended.
package enum ClusterError: Error, Sendable, CustomStringConvertible {
  /// None of these folders has both `initdb` and `postgres`.
  case serverNotFound(searched: [String])
  /// A server refuses to run as root, and there is no other account to run it.
  case noUnprivilegedUser
  /// A call to the system failed.
  case system(call: String, errno: Int32)
  case commandFailed(command: [String], logTail: String)
  case serverDidNotStart(logTail: String)
  case serverDidNotStop(logTail: String)

  package var description: String {
    switch self {
    case .serverNotFound(let searched):
      "no PostgreSQL server in \(searched.joined(separator: ", ")): install one"
        + " (Debian: postgresql) or name its programs' folder in \(ServerPrograms.variable)"
    case .noUnprivilegedUser:
      "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it"
    case .system(let call, let errno): "\(call) failed, errno \(errno)"
    case .commandFailed(let command, let logTail):
      "failed: \(command.joined(separator: " "))\n\(logTail)"
    case .serverDidNotStart(let logTail): "the private server did not start\n\(logTail)"
    case .serverDidNotStop(let logTail): "the private server did not stop\n\(logTail)"
    }
  }
}

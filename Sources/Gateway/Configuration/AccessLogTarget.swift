import Glibc
import Server

/// Where the access log goes.
package enum AccessLogTarget: Sendable, Equatable {
  case standardOutput, standardError
  case file(String)

  init(_ text: String) {
    switch text {
    case "stdout": self = .standardOutput
    case "stderr": self = .standardError
    default: self = .file(text)
    }
  }

  func open() throws -> AccessLog {
    switch self {
    case .standardOutput: return AccessLog(descriptor: STDOUT_FILENO)
    case .standardError: return AccessLog(descriptor: STDERR_FILENO)
    case .file(let path):
      guard let log = AccessLog(path: path) else {
        throw ConfigurationReader.Failure(
          key: "access_log", problem: "can't append to \(path): \(String(cString: strerror(errno)))"
        )
      }
      return log
    }
  }
}

/// Why a server cannot start.
package enum ListenError: Error, Sendable, Equatable {
  /// The host is no address of any machine; `code` is getaddrinfo's.
  case hostUnknown(String, code: Int32)
  /// A system call failed; `code` is its `errno`.
  case refused(Step, code: Int32)

  package enum Step: String, Sendable {
    case socket, bind, listen, name, poll
  }
}

import CLinux
import Glibc

/// The owner of an epoll set and of the reports last read from it.
struct EventPoll: ~Copyable {
  let descriptor: Int32
  private let reports: UnsafeMutablePointer<clinux_event>

  /// More are left for the next call.
  private static let reportsMax = 256

  init() throws(ListenError) {
    descriptor = clinux_epoll_create()
    guard descriptor >= 0 else { throw .refused(.poll, code: errno) }
    reports = .allocate(capacity: Self.reportsMax)
  }

  deinit {
    close(descriptor)
    reports.deallocate()
  }

  /// Reads what is ready, waiting for the first of it, and returns how many reports there are.
  func wait(milliseconds: Int) -> Int {
    max(
      0,
      Int(
        clinux_epoll_wait(descriptor, reports, Int32(Self.reportsMax), Int32(milliseconds))))
  }

  subscript(index: Int) -> Event { Event(report: reports[index]) }

  /// False when the system has no memory for one more.
  func add(_ socket: Int32, _ interest: Interest, _ token: ConnectionToken) -> Bool {
    clinux_epoll_add(descriptor, socket, interest.rawValue, token.rawValue) == 0
  }

  func change(_ socket: Int32, to interest: Interest, _ token: ConnectionToken) {
    _ = clinux_epoll_modify(descriptor, socket, interest.rawValue, token.rawValue)
  }

  /// What a connection is to be reported for. Its failure always is.
  struct Interest: OptionSet {
    let rawValue: UInt32

    static let failureOnly: Interest = []
    static let readable = Interest(rawValue: UInt32(CLINUX_READABLE))
    static let writable = Interest(rawValue: UInt32(CLINUX_WRITABLE))
    static let peerClosed = Interest(rawValue: UInt32(CLINUX_PEER_CLOSED))
  }

  /// One connection's readiness.
  struct Event {
    fileprivate let report: clinux_event

    var token: ConnectionToken { ConnectionToken(rawValue: report.token) }
    var isReadable: Bool { has(CLINUX_READABLE) }
    var isWritable: Bool { has(CLINUX_WRITABLE) }
    var peerHasClosed: Bool { has(CLINUX_PEER_CLOSED) }
    /// Reset, or shut in both directions: nothing sent would arrive.
    var hasFailed: Bool { has(CLINUX_FAILED) || has(CLINUX_HANGUP) }

    private func has(_ bit: Int) -> Bool { report.ready & UInt32(bit) != 0 }
  }
}

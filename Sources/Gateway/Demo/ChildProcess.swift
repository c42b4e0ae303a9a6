import Glibc
import Runtime
import Synchronization

/// A program that we started and end by its id.
///
/// It has a process group of its own, so Ctrl-C in a terminal reaches only us and the child ends when we say so. Its
/// standard input is a socket whose other end we hold, the lifeline: the child reads the end of its input when we hang up
/// or die, and we see a hang-up when the child and everything that it started have ended. No wait needs a sleep.
final class ChildProcess: Sendable {
  enum Ending: Equatable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  let id: pid_t
  private let lifeline: Int32
  private let ending = Mutex<Ending?>(nil)

  /// - Parameters:
  ///   - command: a program, looked up in `PATH`, and its arguments.
  ///   - log: the file that its output is added to.
  init(_ command: [String], environment: [String: String], log: String) throws(ClusterError) {
    var ends: [Int32] = [-1, -1]
    // Close-on-exec from the start: another child that held the lifeline would keep this one alive.
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw .system(call: "socketpair", errno: errno)
    }
    defer { close(ends[1]) }
    lifeline = ends[0]
    do {
      id = try Self.spawn(command, environment, input: ends[1], log: log)
    } catch {
      close(lifeline)
      throw error
    }
  }

  deinit { close(lifeline) }

  /// Waits until the program and everything that it started have ended; nil if that takes longer than `limit`.
  func wait(_ limit: Duration) -> Ending? {
    ending.withLock { ending in
      if ending == nil, isHungUp(within: limit) { ending = Self.reap(id) }
      return ending
    }
  }

  /// Sends a signal, unless the program is known to have ended: its id may be someone else's by now.
  func signal(_ number: Int32) {
    ending.withLock { ending in
      if ending == nil { _ = kill(id, number) }
    }
  }

  /// Ends the program's input.
  func hangUp() {
    shutdown(lifeline, Int32(SHUT_WR))
  }

  private func isHungUp(within limit: Duration) -> Bool {
    let end = ContinuousClock.now + limit
    while true {
      let left = max(.zero, end - .now)
      var descriptor = pollfd(fd: lifeline, events: 0, revents: 0)
      let count = poll(&descriptor, 1, Int32(clamping: left.milliseconds))
      if count > 0 { return true }
      guard left > .zero, count == 0 || errno == EINTR else { return false }
    }
  }

  private static func reap(_ id: pid_t) -> Ending {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 {
      // Someone else collected it; how it ended is lost.
      guard errno == EINTR else { return .exited(-1) }
    }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
  }

  private static func spawn(
    _ command: [String], _ environment: [String: String], input: Int32, log: String
  ) throws(ClusterError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Dispatch's threads block signals, and a child would inherit that; the mask of new attributes is empty.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    let arguments = command.map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var id: pid_t = 0
    let failure = posix_spawnp(&id, command[0], &actions, &attributes, arguments, variables)
    guard failure == 0 else { throw .system(call: "posix_spawn \(command[0])", errno: failure) }
    return id
  }
}

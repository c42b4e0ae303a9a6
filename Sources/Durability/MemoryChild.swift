import CLinux
import Glibc
import Runtime

/// A process that has this one's memory as it was at one moment, and writes it to a file while this goes on.
///
/// It has one thread. A lock that another thread held at that moment is never let go there: what the child does must take none that it can't
/// do without, and its parent must not wait for it for ever.
struct MemoryChild: Sendable {
  let process: pid_t
  /// How long the caller stood still, in nanoseconds.
  let pause: Int64

  /// How a child ended.
  enum Ending {
    case complete
    /// What the file system said to it.
    case failed(FileFault)
    /// Something else than the file system kept it from writing; it is worth to try again.
    case gaveUp
    /// By a signal: nobody knows.
    case killed(signal: Int32)
  }

  /// The parent is gone: there is nobody to write for.
  struct Orphaned: Error {}

  /// Makes a fork that follows soon as brief as it can be; takes its time, and nobody waits for it.
  static func prepare() { clinux_gather_pages(preparationMillisecondsMax) }

  /// A gigabyte takes a second or two; a busy machine gets on with it at the next checkpoint.
  private static let preparationMillisecondsMax: Int32 = 5_000

  /// Longer than its parent lets it go on: for the case that there is none any more.
  static let lifetimeMax = Duration.seconds(240)

  /// Has a child run `body`, which writes to `file`.
  ///
  /// - Parameter body: is given a check to call now and then, which throws ``Orphaned``.
  /// - Throws: ``FileFault`` where there can be no child: `EAGAIN` and `ENOMEM` say that there are too many processes, or too little memory.
  static func fork(
    writing file: StoredFile, clock: Clock, lifetimeMax: Duration = lifetimeMax,
    _ body: (_ check: () throws -> Void) throws -> Void
  ) throws -> MemoryChild {
    let parent = getpid()
    let started = clock.monotonic
    let process = clinux_fork(file.descriptor, UInt32(lifetimeMax.components.seconds))
    guard process != 0 else {
      run { try body { if getppid() != parent { throw Orphaned() } } }
    }
    let code = errno
    let pause = clock.monotonic - started
    guard process > 0 else { throw FileFault("fork", file.path, code) }
    return MemoryChild(process: process, pause: pause)
  }

  /// Codes of exit above those of `errno`.
  private static let gaveUpCode: Int32 = 200

  private static func run(_ body: () throws -> Void) -> Never {
    do {
      try body()
      _exit(0)
    } catch let fault as FileFault {
      _exit(fault.code)
    } catch {
      _exit(gaveUpCode)
    }
  }

  /// How it ended; nil while it is at it.
  func ending(path: String) -> Ending? {
    var status: Int32 = 0
    let found = waitpid(process, &status, WNOHANG)
    guard found != 0 else { return nil }
    guard found == process else { return .gaveUp }
    let signal = status & 0x7f
    guard signal == 0 else { return .killed(signal: signal) }
    switch (status >> 8) & 0xff {
    case 0: return .complete
    case Self.gaveUpCode...: return .gaveUp
    case let code: return .failed(FileFault("write", path, code))
    }
  }

  func kill() { Glibc.kill(process, SIGKILL) }
}

import CLinux
import Dispatch
import Glibc
import HTTPWire
import Runtime
import Synchronization

/// Lines about requests on their way to a file or a pipe.
///
/// Workers leave them in memory and go on; a queue of its own writes them. While whoever reads a pipe
/// does not, they gather up to a bound, and beyond it are dropped and counted.
package final class AccessLog: Sendable {
  /// Lines that were not written.
  package let dropped = Counter()
  private let descriptor: Int32
  private let queue = DispatchQueue(label: "onhand.access-log", qos: .utility)
  private let lines = Mutex(Lines())
  private let isStopping = Atomic(false)

  /// Some seconds of lines at full load.
  private static let bytesMax = 1_048_576
  /// So that a reader sees a line soon, and a busy server makes few writes.
  private static let delayMilliseconds = 200
  /// What a pipe takes in one piece (PIPE_BUF, pipe(7)), so that lines are not mixed with others'.
  private static let writeBytesMax = 4_096
  private static let patienceMilliseconds: Int32 = 100

  private struct Lines: ~Copyable {
    var text = ByteBuffer()
    var isWriteDue = false
  }

  /// - Parameter descriptor: closed with this, unless it is one of the standard ones.
  package init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Appends to the file at `path`, which is created if need be; nil if that fails, with `errno`.
  package convenience init?(path: String) {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { return nil }
    self.init(descriptor: descriptor)
  }

  deinit {
    if descriptor > STDERR_FILENO { close(descriptor) }
  }

  /// Adds a line, which ends with a line end.
  func add(_ line: ByteView) {
    let isFirst: Bool? = lines.withLock { lines in
      guard lines.text.count + line.count <= Self.bytesMax else { return nil }
      lines.text.append(line)
      defer { lines.isWriteDue = true }
      return !lines.isWriteDue
    }
    switch isFirst {
    case nil: dropped.add()
    case true?:
      queue.asyncAfter(deadline: .now() + .milliseconds(Self.delayMilliseconds)) { self.write() }
    case false?: break
    }
  }

  /// Writes what there is, if that needs no waiting, and then calls `completion`; lines added later
  /// may be lost.
  package func stop(_ completion: @escaping @Sendable () -> Void) {
    isStopping.store(true, ordering: .relaxed)
    queue.async {
      self.write()
      completion()
    }
  }

  private func write() {
    let text = lines.withLock { lines in
      lines.isWriteDue = false
      return exchange(&lines.text, with: ByteBuffer())
    }
    var rest = text.view
    while !rest.isEmpty {
      guard isReady() else { return drop(rest) }
      let piece = rest[0..<Self.pieceLength(rest)]
      let written = Glibc.write(descriptor, piece.bytes.baseAddress, piece.count)
      // A full disk, or a pipe without a reader.
      guard written > 0 || errno == EINTR else { return drop(rest) }
      rest = rest[max(0, written)..<rest.count]
    }
  }

  /// Waits until something can be written without waiting; false once that is not worth it.
  private func isReady() -> Bool {
    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    while Glibc.poll(&poll, 1, Self.patienceMilliseconds) <= 0 {
      if isStopping.load(ordering: .relaxed) { return false }
    }
    return true
  }

  /// As many whole lines as fit into one piece; of a longer line what fits.
  private static func pieceLength(_ lines: ByteView) -> Int {
    guard lines.count > writeBytesMax else { return lines.count }
    var end = writeBytesMax
    while end > 0, lines[end - 1] != UInt8(ascii: "\n") { end -= 1 }
    return end > 0 ? end : writeBytesMax
  }

  private func drop(_ lines: ByteView) {
    dropped.add(lines.bytes.count { $0 == UInt8(ascii: "\n") })
  }
}

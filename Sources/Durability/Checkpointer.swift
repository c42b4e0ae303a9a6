import Dispatch
import Engine
import Logging
import Runtime
import Synchronization

/// Writes checkpoints now and then, on a queue of its own.
///
/// It reads the views as any reader does, all at one sequence, while changes go on: nothing waits for it. What it costs meanwhile are the
/// older versions of rows that change before it is done.
final class Checkpointer: Sendable {
  private let queue = DispatchQueue(label: "onhand.checkpoint", qos: .utility)
  private let directory: DataDirectory
  private let shared: SharedLog
  private let writer: LogWriter
  private let gate: ReadGate
  /// Its number among the readers.
  private let reader: Int
  private let clock: Clock
  private let logger: Logger
  private let state: Mutex<State>

  private struct State {
    /// The last frame of the log that the newest checkpoint includes.
    var serial: UInt64
    var byteCount = 0
    /// What the log had taken when it began, of this process and of what was found.
    var appendedBytes = 0
    var writtenAt: Int64
    var isRunning = false
    var isStopped = false
    /// The views are others, or changes were lost: without a new checkpoint they can't be restored.
    var isUrgent = false
  }

  /// A checkpoint is due when the log behind the last one would take about a second to apply, and in any case, if there is any.
  private static let logBytesMin = 32 << 20
  private static let ageMax: Int64 = 300_000_000_000

  init(
    _ directory: DataDirectory, _ shared: SharedLog, _ writer: LogWriter, gate: ReadGate,
    reader: Int, includedUpTo serial: UInt64, clock: Clock, logger: Logger
  ) {
    self.directory = directory
    self.shared = shared
    self.writer = writer
    self.gate = gate
    self.reader = reader
    self.clock = clock
    self.logger = logger
    state = Mutex(State(serial: serial, writtenAt: clock.monotonic))
  }

  var includedUpTo: UInt64 { state.withLock { $0.serial } }

  /// Has the next look find that a checkpoint is due.
  func hurry() { state.withLock { $0.isUrgent = true } }

  /// Begins a checkpoint, if there is enough that is new.
  func runIfDue() {
    let visible = gate.visible
    guard visible.position != nil, visible.staleSince == nil else { return }
    let (serial, bytes) = shared.index.withLock { index in
      (index.nextSerial - 1, index.appendedBytes)
    }
    let now = clock.monotonic
    let isDue = state.withLock { state in
      guard !state.isRunning, !state.isStopped, serial > state.serial else { return false }
      state.isRunning =
        state.isUrgent || bytes - state.appendedBytes >= max(Self.logBytesMin, state.byteCount)
        || now - state.writtenAt >= Self.ageMax
      guard state.isRunning else { return false }
      state.isUrgent = false
      state.appendedBytes = bytes
      return true
    }
    if isDue { queue.async { self.run() } }
  }

  /// Gives up what is under way, and then calls `completion`.
  func stop(_ completion: @escaping @Sendable () -> Void) {
    state.withLock { $0.isStopped = true }
    queue.async { completion() }
  }

  // MARK: Writing

  private struct Stopped: Error {}

  private func run() {
    let started = clock.monotonic
    do {
      let (serial, byteCount) = try write()
      writer.flush { isDurable in
        // Its position must not be ahead of the log's.
        self.queue.async { self.finish(serial, byteCount, isDurable, started) }
      }
    } catch {
      giveUp(error)
    }
  }

  private func write() throws -> (serial: UInt64, byteCount: Int) {
    try directory.remove(CheckpointFile.draftName)
    let file = try directory.file(CheckpointFile.draftName, creates: true)
    // Nothing is handed over between the two.
    let (visible, serial) = shared.handOver.withLock { handOver in
      let visible = gate.enter(reader)
      return (visible, handOver.serial(of: visible))
    }
    defer { gate.leave(reader) }
    guard let position = visible.position else { throw Stopped() }
    var writer = try CheckpointFile.Writer(
      file,
      CheckpointStart(
        position: position, history: shared.history.withLock { $0 }, serial: serial))
    for view in visible.views.views { try write(view, at: visible.sequence, to: &writer) }
    try writer.end()
    return (serial, writer.offset)
  }

  private func write(
    _ view: LiveView, at sequence: UInt64, to writer: inout CheckpointFile.Writer
  ) throws {
    try writer.append(view.definition)
    var slice: TableSlice? = .first(ofRows: view.status(at: sequence).rowCount)
    while let part = slice {
      guard !state.withLock({ $0.isStopped }) else { throw Stopped() }
      var versions: [RowVersion] = []
      view.table.forEachRow(in: part, at: sequence) { versions.append($0) }
      try writer.append(versions)
      slice = part.next
    }
  }

  private func finish(_ serial: UInt64, _ byteCount: Int, _ isDurable: Bool, _ started: Int64) {
    do {
      guard isDurable, !state.withLock({ $0.isStopped }) else { throw Stopped() }
      try directory.rename(CheckpointFile.draftName, to: CheckpointFile.name)
      try directory.sync()
    } catch {
      return giveUp(error)
    }
    state.withLock { state in
      state.serial = serial
      state.byteCount = byteCount
      state.writtenAt = clock.monotonic
      state.isRunning = false
    }
    writer.post { $0.checkpointIncludes(serial) }
    shared.status.checkpoints.add()
    shared.status.update { $0.checkpointAt = clock.wallMicroseconds }
    logger.info(
      "checkpoint",
      metadata: [
        "bytes": "\(byteCount)", "ms": "\((clock.monotonic - started) / 1_000_000)",
        "serial": "\(serial)",
      ])
  }

  /// The one before stays; the next look tries again.
  private func giveUp(_ error: any Error) {
    try? directory.remove(CheckpointFile.draftName)
    state.withLock { state in
      state.isRunning = false
      state.isUrgent = true
    }
    if !(error is Stopped) {
      logger.error("checkpoint_failed", metadata: ["reason": "\(error)"])
    }
  }
}

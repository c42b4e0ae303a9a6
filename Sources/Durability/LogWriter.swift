import Dispatch
import Engine
import Logging
import Runtime
import Synchronization

/// Writes the log: appends what was handed over, syncs in groups, begins segments and removes old ones.
///
/// When the disk is full, or fails, it keeps what it has in memory and tries again each second; what is handed over meanwhile gathers up
/// to ``HandOver/bytesMax`` and is not kept beyond that.
actor LogWriter: QueueConfined {
  nonisolated let executor = QueueExecutor(label: "onhand.log")
  private let directory: DataDirectory
  private let retention: LogRetention
  private let shared: SharedLog
  private let clock: Clock
  private let logger: Logger
  /// Called each time that more is in the files.
  private let wrote: @Sendable () -> Void

  /// Sealed frames that are not written yet, and what they are.
  private var unwritten: [UInt8] = []
  private var notes: ArraySlice<FrameNote> = []
  private var isSyncDue = false
  private var timer: (any DispatchSourceTimer)?
  /// Segments with later frames have to stay, whatever their age: the last checkpoint needs them.
  private var includedUpTo: UInt64 = .max
  private var checkpointer: Checkpointer?

  private var status: LogStatus { shared.status }

  /// Long enough for many steps, short enough for who waits.
  private static let syncDelay = DispatchTimeInterval.milliseconds(20)

  init(
    _ directory: DataDirectory, _ retention: LogRetention, _ shared: SharedLog, clock: Clock,
    logger: Logger, wrote: @escaping @Sendable () -> Void = {}
  ) {
    self.directory = directory
    self.retention = retention
    self.shared = shared
    self.clock = clock
    self.logger = logger
    self.wrote = wrote
  }

  /// - Parameter checkpointer: asked each second whether there is something to do.
  nonisolated func start(_ checkpointer: Checkpointer?) {
    post { writer in
      writer.checkpointer = checkpointer
      writer.includedUpTo = checkpointer?.includedUpTo ?? .max
      writer.startTimer()
    }
  }

  private func startTimer() {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(100))
    timer.setEventHandler { self.assumeIsolated { $0.tick() } }
    timer.activate()
    self.timer = timer
  }

  private func tick() {
    shared.noteReached()
    write()
    removeOld()
    checkpointer?.runIfDue()
  }

  /// Writes what there is, and calls `completion` with whether all of it is durable.
  nonisolated func flush(_ completion: @escaping @Sendable (Bool) -> Void) {
    post { writer in
      writer.write()
      completion(writer.sync())
    }
  }

  nonisolated func stop(_ completion: @escaping @Sendable () -> Void) {
    post { writer in
      writer.timer?.cancel()
      writer.timer = nil
      writer.checkpointer = nil
      writer.shared.noteReached()
      writer.write()
      _ = writer.sync()
      writer.directory.release()
      completion()
    }
  }

  /// Lets go of segments whose frames a checkpoint includes.
  func checkpointIncludes(_ serial: UInt64) {
    includedUpTo = serial
    removeOld()
  }

  // MARK: Writing

  func write() {
    do {
      // What an attempt before could not write comes first.
      while !notes.isEmpty { try writeRun() }
      takeOver()
      while !notes.isEmpty { try writeRun() }
      succeed()
    } catch {
      fail(error)
    }
  }

  private func takeOver() {
    let (bytes, notes) = shared.handOver.withLock { $0.take() }
    unwritten = bytes
    LogFrame.seal(&unwritten)
    self.notes = notes[...]
  }

  /// Writes as many frames as belong into one segment.
  private func writeRun() throws {
    guard let first = notes.first else { return }
    let segment = try segment(for: first)
    var count = 0
    var room = retention.segmentBytes - segment.end
    let run = notes.prefix { note in
      guard note.position.epoch == first.position.epoch, count == 0 || room >= note.byteCount
      else { return false }
      count += note.byteCount
      room -= note.byteCount
      return true
    }
    do {
      try unwritten.withUnsafeBytes { bytes in
        try segment.file.write(
          UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: segment.end)
      }
    } catch {
      // Half of a frame would be in the way of recovery only if it stayed the last; still, the room is worth having.
      try? segment.file.truncate(to: segment.end)
      throw error
    }
    shared.index.withLock { index in for note in run { index.add(note) } }
    unwritten.removeFirst(count)
    notes = notes.dropFirst(run.count)
    scheduleSync()
    wrote()
  }

  // MARK: Segments

  private func segment(for note: FrameNote) throws -> LogSegment {
    let (segment, hasRoom) = shared.index.withLock { index in
      (index.segments.last, index.segments.last.map { $0.end < retention.segmentBytes } ?? false)
    }
    if let segment, hasRoom, segment.position?.epoch == note.position.epoch { return segment }
    return try beginSegment(for: note, after: segment)
  }

  private func beginSegment(for note: FrameNote, after last: LogSegment?) throws -> LogSegment {
    try syncSegment()
    let isSameHistory = last?.position?.epoch == note.position.epoch
    let start = shared.index.withLock { index in
      index.history = shared.history.withLock { $0 }
      return index.start(at: isSameHistory ? index.position : note.position)
    }
    let number = (last?.number ?? 0) + 1
    let name = LogSegment.name(number)
    // Left by an attempt that failed.
    try directory.remove(name)
    let file = try directory.file(name, creates: true)
    var bytes: [UInt8] = []
    LogFrame.append(serial: note.serial - 1, to: &bytes) { start.append(to: &$0) }
    LogFrame.seal(&bytes)
    do {
      try bytes.withUnsafeBytes { try file.write($0, at: 0) }
      try directory.sync()
    } catch {
      try? directory.remove(name)
      throw error
    }
    let segment = LogSegment(
      number: number, file: file, start: start, serial: note.serial - 1, end: bytes.count)
    shared.index.withLock { $0.add(segment) }
    return segment
  }

  private func removeOld() {
    let old = shared.index.withLock { index in
      let count = retention.countOld(
        index.segments, includedUpTo: includedUpTo, now: clock.wallMicroseconds)
      let old = index.segments.prefix(count).map(\.number)
      index.segments.removeFirst(count)
      return old
    }
    // Whoever reads one still has it open.
    for number in old { try? directory.remove(LogSegment.name(number)) }
    let (count, bytes) = shared.index.withLock { ($0.segments.count, $0.byteCount) }
    status.update {
      $0.segmentCount = count
      $0.byteCount = bytes
    }
  }

  // MARK: Durability

  private func scheduleSync() {
    guard !isSyncDue else { return }
    isSyncDue = true
    executor.queue.asyncAfter(deadline: .now() + Self.syncDelay) {
      self.assumeIsolated { writer in if writer.isSyncDue { _ = writer.sync() } }
    }
  }

  /// - Returns: whether all that was handed over is durable.
  func sync() -> Bool {
    do {
      try syncSegment()
      return notes.isEmpty
    } catch {
      fail(error)
      return false
    }
  }

  private func syncSegment() throws {
    guard isSyncDue else { return }
    let (segment, position) = shared.index.withLock { ($0.segments.last, $0.position) }
    try segment?.file.sync()
    isSyncDue = false
    status.syncs.add()
    status.update { $0.durable = position }
  }

  private func fail(_ error: any Error) {
    let state: LogStatus.State =
      (error as? FileFault)?.isFull ?? false ? .diskFull("\(error)") : .failing("\(error)")
    guard status.current.state != state else { return }
    status.failures.add()
    status.update { $0.state = state }
    logger.error("log_\(state.name)", metadata: ["reason": "\(error)"])
  }

  private func succeed() {
    guard status.current.state != .writing else { return }
    status.update { $0.state = .writing }
    logger.info("log_writing", metadata: ["path": "\(directory.path)"])
  }
}

import Dispatch
import Engine
import Logging
import Runtime
import Synchronization

/// Has checkpoints written now and then, each by a child of this process.
///
/// Nothing waits for one but the fork itself, between two steps. While one is being written pages that change are copied by the kernel: what it
/// costs in memory is what changes meanwhile.
final class Checkpointer: Sendable {
  private let queue = DispatchQueue(label: "onhand.checkpoint", qos: .utility)
  private let directory: DataDirectory
  private let shared: SharedLog
  private let writer: LogWriter
  private let store: ViewStore
  private let rhythm: CheckpointRhythm
  private let clock: Clock
  private let logger: Logger
  private let state: Mutex<State>

  private struct State {
    var access: EngineAccess?
    /// What the newest checkpoint includes; nil for one of another process, until it was gone on from.
    var kept: Kept
    var writtenAt: Int64
    var noteAt: Int64
    var isRunning = false
    var isStopped = false
    /// Without a new checkpoint the views, or the operators, can't be restored.
    var isUrgent = false
    var retryAt: Int64 = .min
    var retryDelay = CheckpointRhythm.retryDelayMin
    /// When the process is to end: no longer than this for the last one, on the monotonic clock.
    var lastDeadline: Int64 = .max
    /// Called when none is being written any more.
    var whenIdle: [@Sendable () -> Void] = []
  }

  private struct Kept {
    /// The last frame of the log that it includes.
    var serial: UInt64
    var byteCount = 0
    var position: Position?
    /// Of the checkpoint with the operators' state; nil for one without.
    var id: UInt64?
    var stepCount = 0

    func with(byteCount: Int) -> Kept {
      var kept = self
      kept.byteCount = byteCount
      return kept
    }
  }

  /// One under way.
  private struct Writing {
    let file: StoredFile
    let child: MemoryChild
    var kept: Kept
    let started: Int64
    let deadline: Int64
  }

  init(
    _ directory: DataDirectory, _ shared: SharedLog, _ writer: LogWriter, store: ViewStore,
    rhythm: CheckpointRhythm, includedUpTo serial: UInt64, clock: Clock, logger: Logger
  ) {
    self.directory = directory
    self.shared = shared
    self.writer = writer
    self.store = store
    self.rhythm = rhythm
    self.clock = clock
    self.logger = logger
    let now = clock.monotonic
    state = Mutex(State(kept: Kept(serial: serial), writtenAt: now, noteAt: now))
  }

  var includedUpTo: UInt64 { state.withLock { $0.kept.serial } }

  func attach(_ access: EngineAccess) { state.withLock { $0.access = access } }

  /// Has the next look find that a checkpoint is due.
  func hurry() { state.withLock { $0.isUrgent = true } }

  /// Takes note that nothing kept leads to the state any more.
  func begins() {
    state.withLock { state in
      state.kept.id = nil
      state.isUrgent = true
    }
  }

  /// Takes note that the state goes on from a checkpoint, before any step.
  func goesOn(from kept: KeptState) {
    state.withLock { state in
      state.kept.position = kept.position
      state.kept.id = kept.start.id
      state.kept.stepCount = state.access?.stepCount() ?? 0
    }
  }

  /// Begins a checkpoint, if there is enough that is new, or notes that there is nothing new.
  func runIfDue() {
    let visible = store.gate.visible
    guard let position = visible.position, visible.staleSince == nil else { return }
    let (serial, bytes) = shared.index.withLock { index in
      (index.nextSerial - 1, index.bytes(behind: includedUpTo))
    }
    let now = clock.monotonic
    let (isDue, note) = state.withLock { state -> (Bool, IdleNote?) in
      guard !state.isRunning, !state.isStopped, now >= state.retryAt, let access = state.access
      else { return (false, nil) }
      let isChanged = access.stepCount() != state.kept.stepCount || serial > state.kept.serial
      let isDue =
        state.isUrgent
        || isChanged
          && (bytes >= max(CheckpointRhythm.logBytesMin, state.kept.byteCount)
            || position.distance(behind: state.kept.position) >= rhythm.walBytes
            || now - state.writtenAt >= rhythm.age.nanoseconds)
      if isDue {
        state.isRunning = true
        state.isUrgent = false
        return (true, nil)
      }
      guard access.stepCount() == state.kept.stepCount, let id = state.kept.id,
        now - state.noteAt >= CheckpointRhythm.idleNoteInterval,
        position.distance(behind: state.kept.position) > 0
      else { return (false, nil) }
      state.noteAt = now
      return (false, IdleNote(checkpoint: id, position: position))
    }
    if isDue { queue.async { self.begin() } }
    if let note { queue.async { self.write(note) } }
  }

  /// Writes one, if anything has changed since the last, and calls `completion` when it is done or given up.
  func runLast(_ completion: @escaping @Sendable () -> Void) {
    let (begins, isAgain) = state.withLock { state in
      state.lastDeadline = min(
        state.lastDeadline, clock.monotonic + CheckpointRhythm.lastWritingTimeMax)
      guard let access = state.access, !state.isStopped, store.gate.visible.position != nil else {
        return (false, false)
      }
      if state.isRunning {
        // What it does not include is for another.
        state.whenIdle.append { self.runLast(completion) }
        return (false, true)
      }
      guard clock.monotonic < state.lastDeadline,
        access.stepCount() != state.kept.stepCount || state.isUrgent || state.kept.id == nil
      else { return (false, false) }
      state.isRunning = true
      state.whenIdle.append(completion)
      return (true, false)
    }
    if begins {
      queue.async { self.begin() }
    } else if !isAgain {
      completion()
    }
  }

  /// Gives up what is under way, and then calls `completion`.
  func stop(_ completion: @escaping @Sendable () -> Void) {
    let isRunning = state.withLock { state in
      state.isStopped = true
      if state.isRunning { state.whenIdle.append(completion) }
      return state.isRunning
    }
    if !isRunning { queue.async { completion() } }
  }

  // MARK: Writing

  private struct Stopped: Error {}

  /// What kept a child from writing that is not the file system.
  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private func begin() {
    let started = clock.monotonic
    do {
      guard let access = state.withLock({ $0.isStopped ? nil : $0.access }) else { throw Stopped() }
      try directory.remove(CheckpointFile.draftName)
      let file = try directory.file(CheckpointFile.draftName, creates: true)
      // At the end, nobody minds a pause.
      if state.withLock({ $0.lastDeadline == .max }) { MemoryChild.prepare() }
      access.atRest { rest in
        let forked = Result { try self.fork(rest, file, started, access) }
        self.queue.async { self.watch(forked) }
      }
    } catch {
      giveUp(error)
    }
  }

  /// On the queue that applies steps, between two of them.
  private func fork(
    _ rest: EngineAccess.Rest, _ file: StoredFile, _ started: Int64, _ access: EngineAccess
  ) throws -> Writing {
    let engine: EngineMoment?
    switch rest {
    case .engine(let moment): engine = moment
    case .rowsOnly: engine = nil
    case .unavailable: throw Stopped()
    }
    let visible = store.gate.visible
    guard let position = visible.position else { throw Stopped() }
    let serial = shared.handOver.withLock { $0.serial(of: visible) }
    let start = CheckpointStart(
      position: position, history: shared.history.withLock { $0 }, serial: serial,
      id: .random(in: 1 ... .max), hashSeed: store.hashSeed)
    let writing = CheckpointWriting(
      file: file, start: start,
      views: visible.views.views.map { ($0, $0.status(at: visible.sequence).degradation) },
      engine: engine)
    let child = try MemoryChild.fork(writing: file, clock: clock) { check in
      try withoutActuallyEscaping(check) { try writing.run(check: $0) }
    }
    shared.status.notePause(child.pause)
    return Writing(
      file: file, child: child,
      kept: Kept(
        serial: serial, position: position, id: engine == nil ? nil : start.id,
        stepCount: access.stepCount()), started: started,
      deadline: clock.monotonic + CheckpointRhythm.writingTimeMax)
  }

  private func watch(_ forked: Result<Writing, any Error>) {
    switch forked {
    case .failure(let error): giveUp(error)
    case .success(let writing): watch(writing)
    }
  }

  /// Looks after a child until it ends.
  private func watch(_ writing: Writing) {
    if let ending = writing.child.ending(path: writing.file.path) {
      return end(writing, ending)
    }
    let (isStopped, lastDeadline) = state.withLock { ($0.isStopped, $0.lastDeadline) }
    if isStopped || clock.monotonic > min(writing.deadline, lastDeadline) { writing.child.kill() }
    queue.asyncAfter(deadline: .now() + Self.watchInterval) { self.watch(writing) }
  }

  private static let watchInterval = DispatchTimeInterval.milliseconds(5)

  private func end(_ writing: Writing, _ ending: MemoryChild.Ending) {
    switch ending {
    case .complete:
      writer.flush { isDurable in
        // Its position must not be ahead of the log's.
        self.queue.async { self.finish(writing, isDurable) }
      }
    case .failed(let fault): giveUp(fault)
    case .gaveUp: giveUp(Failure(description: "the state can't be written as it is"))
    case .killed(let signal):
      giveUp(
        state.withLock { $0.isStopped }
          ? Stopped() : Failure(description: "the child that writes was killed by signal \(signal)")
      )
    }
  }

  private func finish(_ writing: Writing, _ isDurable: Bool) {
    let kept: Kept
    do {
      guard isDurable else { throw Failure(description: "the change log can't be written") }
      kept = try writing.kept.with(byteCount: writing.file.size)
      try directory.rename(CheckpointFile.draftName, to: CheckpointFile.name)
      try directory.sync()
    } catch {
      return giveUp(error)
    }
    let access = state.withLock { state in
      state.kept = kept
      state.writtenAt = clock.monotonic
      state.retryAt = .min
      state.retryDelay = CheckpointRhythm.retryDelayMin
      return state.access
    }
    writer.post { $0.checkpointIncludes(kept.serial) }
    shared.status.checkpoints.add()
    shared.status.update {
      $0.checkpointAt = clock.wallMicroseconds
      $0.checkpointBytes = kept.byteCount
      $0.checkpointPosition = kept.position
    }
    // One without operators leads to a snapshot, which needs nothing of the log either.
    if let position = kept.position { access?.positionIsKept(position) }
    logger.info(
      "checkpoint",
      metadata: [
        "bytes": "\(kept.byteCount)", "pause_us": "\(writing.child.pause / 1_000)",
        "ms": "\((clock.monotonic - writing.started) / 1_000_000)", "serial": "\(kept.serial)",
        "position": "\(kept.position.map(String.init(describing:)) ?? "")",
      ])
    becomeIdle()
  }

  /// The one before stays; a later look tries again.
  private func giveUp(_ error: any Error) {
    try? directory.remove(CheckpointFile.draftName)
    state.withLock { state in
      state.isUrgent = true
      state.retryAt = clock.monotonic + state.retryDelay
      state.retryDelay = min(2 * state.retryDelay, CheckpointRhythm.retryDelayMax)
    }
    if !(error is Stopped) {
      shared.status.checkpointFailures.add()
      logger.error("checkpoint_failed", metadata: ["reason": "\(error)"])
    }
    becomeIdle()
  }

  private func becomeIdle() {
    let waiting = state.withLock { state in
      defer { state.whenIdle = [] }
      state.isRunning = false
      return state.whenIdle
    }
    for completion in waiting { completion() }
  }

  private func write(_ note: IdleNote) {
    do { try note.write(to: directory) } catch {
      return logger.error("checkpoint_failed", metadata: ["reason": "\(error)"])
    }
    let access = state.withLock { state in
      if state.kept.id == note.checkpoint { state.kept.position = note.position }
      return state.kept.id == note.checkpoint ? state.access : nil
    }
    access?.positionIsKept(note.position)
  }
}

extension Position {
  /// Bytes of the server's log since `other`; all there can be where that is unknown or of another history.
  fileprivate func distance(behind other: Position?) -> Int {
    guard let other, other.epoch == epoch else { return .max }
    return Int(clamping: Int64(bitPattern: lsn.value &- other.lsn.value))
  }
}

extension LogIndex {
  /// About how many bytes of frames are behind a serial.
  func bytes(behind serial: UInt64) -> Int {
    segments.filter { $0.lastSerial > serial }.reduce(0) { $0 + $1.end }
  }
}

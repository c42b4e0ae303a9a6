import Dispatch
import Engine
import Glibc
import Logging
import Runtime
import Synchronization

/// Follows the database: bootstraps, applies the log, and begins again when the connection is lost.
///
/// Everything that writes to the store happens on this actor's queue. While there is no stream, readers keep what there is,
/// marked stale.
package actor Capture: QueueConfined {
  package nonisolated let executor = QueueExecutor(label: "onhand.capture")
  package nonisolated let status = CaptureStatus()

  private let configuration: CaptureConfiguration
  private let store: ViewStore
  private let clock: Clock
  private let logger: Logger
  private let stop = StopFlag()
  private var history: DatabaseHistory
  private let historyBegins: @Sendable (DatabaseOrigin) -> Void
  private let checkpoints: (any CheckpointStore)?
  /// Why what was kept is of no use at the next attempt, as a rule's name.
  private var distrust: Logger.Message?
  /// Up to here a slot that stays may let go of the log.
  private var kept = LSN(0)
  /// Wait for the dataflow to be between two steps.
  private var waitForRest: [@Sendable (EngineAccess.Rest) -> Void] = []
  private var session: Session?
  private var sessionNumber = 0
  private var retryDelay = Capture.retryDelayMin
  private var timer: (any DispatchSourceTimer)?
  private var isAskingForEnd = false
  /// Whether something is posted that should not wait for the stream to be quiet.
  private nonisolated let isCalled = Atomic(false)
  private var willReadAgain = false
  private var willReadLater = false

  private struct Session {
    let stream: LogStream
    let dataflow: Dataflow
    let applier: LogApplier
    let source: any DispatchSourceRead
    let watch: CatalogWatch
    /// That stays.
    let slot: String?
    var lastStatus: Int64
  }

  private static let retryDelayMin = Duration.milliseconds(100)
  private static let retryDelayMax = Duration.seconds(5)
  /// How often the server hears of our position; far below any sensible `wal_sender_timeout`.
  private static let statusInterval: Int64 = 1_000_000_000
  /// Messages taken before the clock is looked at again.
  private static let messagesPerTurn = 2_000
  /// How often the stream is read before the queue's other work has its turn.
  private static let readsPerTurn = 20
  /// The server sends row by row. In the midst of many, a pause lets them gather, which costs both sides less than a wake-up
  /// for each; microseconds.
  private static let bulkPause: UInt32 = 200
  /// How long a turn waits for the next transaction, in milliseconds: to be called for it by the queue takes three wake-ups.
  private static let newsTime: Int32 = 2
  /// While somebody waits for a position, how often the server is asked where its log ends.
  private static let askInterval = DispatchTimeInterval.milliseconds(2)

  /// - Parameters:
  ///   - past: what an earlier process had come to know, and up to where.
  ///   - checkpoints: what was kept; nil if nothing is to be.
  ///   - historyBegins: called on capture's queue with the history that positions belong to from then on.
  package init(
    _ configuration: CaptureConfiguration, store: ViewStore,
    past: (origin: DatabaseOrigin, position: Position)? = nil,
    checkpoints: (any CheckpointStore)? = nil, clock: Clock, logger: Logger,
    historyBegins: @escaping @Sendable (DatabaseOrigin) -> Void = { _ in }
  ) {
    history = past.map { DatabaseHistory($0.origin, at: $0.position) } ?? DatabaseHistory()
    self.historyBegins = historyBegins
    self.checkpoints = checkpoints
    self.configuration = configuration
    self.store = store
    self.clock = clock
    self.logger = logger
  }

  /// Begins to follow the database, on its own queue.
  package nonisolated func start() {
    post { capture in
      capture.startTimer()
      capture.connect()
    }
  }

  /// Ends the session and calls `completion` on the queue of capture.
  package nonisolated func stop(_ completion: @escaping @Sendable () -> Void) {
    stop.set()
    isCalled.store(true, ordering: .relaxed)
    post { capture in
      // The last position that was kept.
      try? capture.sendStatus(wantsReply: false)
      capture.endSession()
      capture.timer?.cancel()
      capture.timer = nil
      completion()
    }
  }

  /// Asks the server where its log ends, until nobody waits for a position any more.
  package nonisolated func positionIsAwaited() {
    isCalled.store(true, ordering: .relaxed)
    post { capture in
      capture.isCalled.store(false, ordering: .relaxed)
      capture.askForEnd()
    }
  }

  /// Calls `body` once, on capture's queue and between two steps, with what is to be kept.
  package nonisolated func atRest(_ body: @escaping @Sendable (EngineAccess.Rest) -> Void) {
    post { capture in
      guard capture.session != nil else { return body(.unavailable) }
      capture.waitForRest.append(body)
      capture.rest()
    }
  }

  /// Takes note that all up to a position is kept, so that the server may forget it.
  package nonisolated func positionIsKept(_ position: Position) {
    post { capture in
      guard capture.history.position?.epoch == position.epoch else { return }
      capture.keep(position.lsn)
    }
  }

  // MARK: Keeping

  private func rest() {
    guard let session, session.applier.isAtRest, !waitForRest.isEmpty else { return }
    let bodies = waitForRest
    waitForRest = []
    for body in bodies { body(moment(session)) }
  }

  private func moment(_ session: Session) -> EngineAccess.Rest {
    guard !session.dataflow.isDistrusted else { return .rowsOnly }
    return .engine(
      EngineMoment(
        dataflow: session.dataflow, holds: store.holdWitness?.holdIndex,
        reliance: session.watch.reliance))
  }

  private func keep(_ position: LSN) {
    kept = max(kept, position)
    let known = kept
    status.update { $0.kept = known }
  }

  // MARK: Sessions

  private func connect() {
    guard !stop.isSet else { return }
    let bootstrap = Bootstrap(
      configuration: configuration, store: store, status: status, stop: stop, logger: logger,
      historyBegins: historyBegins, checkpoints: checkpoints, distrust: distrust)
    do {
      let started = clock.monotonic
      begin(try bootstrap.run(&history))
      retryDelay = Self.retryDelayMin
      logger.info(
        "streaming",
        metadata: [
          "position": "\(history.position.map(String.init(describing:)) ?? "")",
          "bootstrap_ms": "\((clock.monotonic - started) / 1_000_000)",
        ])
    } catch {
      fail(error)
    }
  }

  private func begin(_ result: Bootstrap.Result) {
    history.position = Position(
      epoch: result.position.epoch, lsn: result.seenUpTo ?? result.position.lsn)
    distrust = nil
    kept = result.position.lsn
    if result.slot != nil { keep(kept) }
    let clock = clock
    let applier = LogApplier(
      result.dataflow, tables: result.views.tables, store: store, from: result.position,
      seenUpTo: result.seenUpTo, status: status, now: { clock.wallMicroseconds })
    // A descriptor of our own: libpq closes its socket as soon as it fails, and the number may be another's before the source is
    // gone.
    let watched = dup(result.stream.socket)
    guard watched >= 0 else {
      return fail(PostgresError(.connection, "the process has too many files open"))
    }
    let source = DispatchSource.makeReadSource(fileDescriptor: watched, queue: executor.queue)
    source.setEventHandler { self.assumeIsolated { $0.readStream() } }
    source.setCancelHandler { close(watched) }
    sessionNumber += 1
    let number = sessionNumber
    let status = status
    let watch = CatalogWatch(
      configuration, views: result.views, reliance: result.reliance, slot: result.slot, stop: stop,
      slotReport: { report in status.update { $0.slot = report } },
      report: { error in self.post { $0.catalogChanged(error, since: number) } })
    session = Session(
      stream: result.stream, dataflow: result.dataflow, applier: applier, source: source,
      watch: watch, slot: result.slot, lastStatus: clock.monotonic)
    source.activate()
    watch.start()
    readStream()
    // Whoever began to wait meanwhile.
    askForEnd()
  }

  private func endSession() {
    guard let ended = session else { return }
    ended.source.cancel()
    ended.watch.end()
    if !ended.applier.isCatchingUp {
      history.position = history.position.map {
        Position(epoch: $0.epoch, lsn: ended.applier.position)
      }
    }
    session = nil
    for body in waitForRest { body(.unavailable) }
    waitForRest = []
  }

  /// - Parameter number: of the session that the report is about.
  private func catalogChanged(_ error: any Error, since number: Int) {
    guard let session, sessionNumber == number else { return }
    guard let promise = error as? BrokenPromise else { return fail(error) }
    let views = session.dataflow.distrust(table: promise.table, promise.description)
    logger.error(
      "append_only_rewritten",
      metadata: [
        "reason": "\(promise)", "views": .array(views.map { .string($0.description) }),
      ])
  }

  private func fail(_ error: any Error) {
    endSession()
    guard !stop.isSet else { return }
    store.gate.markStale(now: clock.monotonic)
    let failure = CaptureFailure(error)
    distrust =
      !failure.keepsState
      ? "checkpoint_failed_before"
      : store.holdWitness != nil && sessionNumber > 0 ? "holds_in_flight" : distrust
    status.fail(failure, reason: "\(error)")
    logger.error(
      "\(failure.rawValue)",
      metadata: ["reason": "\(error)", "retry_ms": "\(retryDelay.milliseconds)"])
    executor.queue.asyncAfter(deadline: .now() + .milliseconds(Int(retryDelay.milliseconds))) {
      self.assumeIsolated { $0.connect() }
    }
    retryDelay = min(retryDelay * 2, Self.retryDelayMax)
  }

  // MARK: Streaming

  private func readStream() {
    do {
      for _ in 0..<Self.readsPerTurn {
        guard let current = session else { return }
        let taken = try readMessages(current)
        guard taken < Self.messagesPerTurn else { break }
        if taken > 0, current.applier.isInBulk {
          usleep(Self.bulkPause)
          continue
        }
        if let time = try current.applier.pause() { return readLater(microseconds: time) }
        rest()
        guard !isCalled.load(ordering: .relaxed),
          try current.stream.hasNews(within: Self.newsTime)
        else { return }
      }
      // libpq may hold messages that the descriptor no longer tells of.
      readAgain()
    } catch {
      fail(error)
    }
  }

  /// Applies what has arrived, and answers it.
  private func readMessages(_ current: Session) throws -> Int {
    var wantsReply = false
    var wantsLook = false
    let taken = try current.stream.read(messagesMax: Self.messagesPerTurn) { message in
      switch try current.applier.apply(message) {
      case .none: break
      case .reply: wantsReply = true
      case .catalogLook: wantsLook = true
      }
      if !waitForRest.isEmpty { rest() }
    }
    if wantsReply || clock.monotonic - current.lastStatus > Self.statusInterval {
      try sendStatus(wantsReply: false)
    }
    if wantsLook { current.watch.lookSoon() }
    return taken
  }

  private func readAgain() {
    guard !willReadAgain else { return }
    willReadAgain = true
    post { capture in
      capture.willReadAgain = false
      capture.readStream()
    }
  }

  private func readLater(microseconds: Int64) {
    guard !willReadLater else { return }
    willReadLater = true
    executor.queue.asyncAfter(deadline: .now() + .microseconds(Int(microseconds))) {
      self.assumeIsolated { capture in
        capture.willReadLater = false
        capture.readStream()
      }
    }
  }

  private func sendStatus(wantsReply: Bool) throws {
    guard let current = session else { return }
    let position = current.applier.position
    try current.stream.send(
      position: position.value, kept: (current.slot == nil ? position : kept).value,
      now: clock.wallMicroseconds,
      wantsReply: wantsReply)
    session?.lastStatus = clock.monotonic
  }

  private func startTimer() {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(100))
    timer.setEventHandler {
      self.assumeIsolated { capture in
        // The answer tells how far an idle log has come, so that nothing is kept for us that has nothing for us.
        do { try capture.sendStatus(wantsReply: true) } catch { capture.fail(error) }
      }
    }
    timer.activate()
    self.timer = timer
  }

  private func askForEnd() {
    guard !isAskingForEnd else { return }
    isAskingForEnd = true
    ask()
  }

  private func ask() {
    // Asked first, as it lets go those whose time is up.
    let isAwaited = store.gate.hasWaiters(now: clock.monotonic)
    guard let session, isAwaited || session.applier.isCatchingUp else {
      isAskingForEnd = false
      return
    }
    do { try sendStatus(wantsReply: true) } catch {
      isAskingForEnd = false
      return fail(error)
    }
    executor.queue.asyncAfter(deadline: .now() + Self.askInterval) {
      self.assumeIsolated { $0.ask() }
    }
  }
}

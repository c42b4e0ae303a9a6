import Dispatch
import Glibc
import HTTPWire
import Runtime
import Synchronization

/// The owner of some of the connections and of everything they share.
///
/// One queue, one epoll set, and one Dispatch source on the set's descriptor: Dispatch is told once
/// per burst that something is ready and the handler drains the set, instead of one source per
/// connection.
actor Worker: QueueConfined {
  nonisolated let executor: QueueExecutor
  nonisolated let index: Int
  nonisolated let doorbell: Doorbell
  nonisolated let raisedSignals = Mutex<[WakeSignal]>([])

  let handler: any RequestHandler
  let limits: ServerLimits
  let waitTicks: WaitTicks
  let parkedRequestsMax: Int
  let bufferedBytesMax: Int
  let ledger: ConnectionLedger
  let compressor: Compressor
  let proxies: TrustedProxies
  /// Nil where requests are not logged.
  let requestLog: RequestLog?

  let poll: EventPoll

  // The run-time check for overlapping accesses of what every request touches, here and in
  // `Connection`, would cost a twentieth of the request. Nothing that is called while one of these
  // is accessed can reach it again.
  @exclusivity(unchecked) private var postsHeard = 0
  @exclusivity(unchecked) var table = ConnectionTable()
  var parkedCount = 0
  @exclusivity(unchecked) var bufferedBytes = 0

  /// Shared by all connections, and empty between events.
  @exclusivity(unchecked) var scratch = ByteBuffer()
  @exclusivity(unchecked) var output = ByteBuffer()
  @exclusivity(unchecked) var response = Response()
  @exclusivity(unchecked) var fields: FieldTable
  @exclusivity(unchecked) var dateField = ByteBuffer()
  var dateSeconds: Int64 = 0

  // Of sessions.
  nonisolated let isSignaled = Atomic(false)
  @exclusivity(unchecked) var turns = TurnQueue()
  @exclusivity(unchecked) var isTurnPosted = false
  @exclusivity(unchecked) var readySessions: [SessionID] = []
  /// What the sessions of a round wrote, one behind the other.
  @exclusivity(unchecked) var writtenTurns: [WrittenTurn] = []
  @exclusivity(unchecked) var turnOutput = ByteBuffer()
  @exclusivity(unchecked) var message = ByteBuffer()
  @exclusivity(unchecked) var inflated = ByteBuffer()
  @exclusivity(unchecked) var compressedMessages = CompressedMessages()
  @exclusivity(unchecked) var inflater: RawInflate?

  let clock: TickClock
  var tick: Tick
  @exclusivity(unchecked) var drain: DrainProgress?
  private var source: (any DispatchSourceRead)?
  private var timer: (any DispatchSourceTimer)?

  /// How long to stay for the next event before handing the thread back. Under load the worker so
  /// waits where nginx does, in epoll, and Dispatch's way of noticing that a descriptor is ready is
  /// paid when load begins.
  private static let stayMilliseconds = 1
  /// Rounds before the timer has a turn.
  private static let roundsMax = 64

  init(
    index: Int, _ configuration: ServerConfiguration, _ ledger: ConnectionLedger,
    _ compressor: Compressor, _ handler: any RequestHandler
  ) throws(ListenError) {
    let limits = configuration.limits
    executor = QueueExecutor(label: "onhand.worker.\(index)")
    self.index = index
    self.handler = handler
    self.limits = limits
    self.ledger = ledger
    self.compressor = compressor
    let proxies = configuration.trustedProxies
    self.proxies = proxies
    requestLog = configuration.accessLog.map { RequestLog($0, proxies, worker: index) }
    waitTicks = WaitTicks(limits)
    parkedRequestsMax = ServerLimits.share(
      of: limits.parkedRequestsMax, among: configuration.workerCount)
    bufferedBytesMax = ServerLimits.share(
      of: limits.bufferedBytesMax, among: configuration.workerCount)
    doorbell = try Doorbell()
    poll = try EventPoll()
    guard poll.add(doorbell.descriptor, .readable, Doorbell.token) else {
      throw .refused(.poll, code: errno)
    }
    fields = FieldTable(capacity: limits.request.fieldCountMax)
    let now = ContinuousClock.now
    clock = TickClock(origin: now)
    tick = clock.tick(at: now)
  }

  /// Runs `body` on the worker later, in the order of the calls, as soon as it has dealt with what
  /// is ready.
  nonisolated func post(_ body: @escaping @Sendable (isolated Worker) -> Void) {
    doorbell.announce()
    executor.queue.async {
      self.assumeIsolated {
        $0.postsHeard &+= 1
        body($0)
      }
    }
    doorbell.ring()
  }

  func start() {
    let source = DispatchSource.makeReadSource(
      fileDescriptor: poll.descriptor, queue: executor.queue)
    // The handlers keep the actor, and so the descriptor, until the source is cancelled.
    source.setEventHandler { self.drainEvents() }
    source.setCancelHandler { _ = self }
    source.activate()
    self.source = source
    advanceTime()
    startTimer()
  }

  /// Takes over connections that the ledger has admitted.
  func adopt(_ sockets: [AcceptedSocket]) {
    for socket in sockets {
      let connection = table.insert(socket)
      guard poll.add(socket.descriptor, connection.interest, connection.token) else {
        close(connection)
        continue
      }
      // Its first request is often there already.
      receive(connection)
    }
  }

  /// Ends a connection at once.
  func close(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    unpark(connection)
    connection.phase = .closed
    bufferedBytes -= connection.countedBytes
    table.remove(connection)
    // Closing takes the descriptor out of the epoll set as well (epoll(7)).
    Glibc.close(connection.socket.descriptor)
    ledger.release(connection.socket, worker: index)
    releaseClient(connection)
    endSession(connection)
    finishDrainIfEmpty()
  }

  /// Ends event handling for good.
  func stop() {
    source?.cancel()
    timer?.cancel()
    source = nil
    timer = nil
  }

  private func startTimer() {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    let interval = DispatchTimeInterval.milliseconds(TickClock.tickMilliseconds)
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(10))
    timer.setEventHandler { self.advanceTime() }
    timer.activate()
    self.timer = timer
  }

  /// Serves what is ready, until nothing is or something has been posted.
  private func drainEvents() {
    for _ in 0..<Self.roundsMax {
      let mayStay = doorbell.listen(heard: postsHeard)
      let ready = poll.wait(milliseconds: mayStay ? Self.stayMilliseconds : 0)
      doorbell.stopListening()
      for index in 0..<ready { handle(poll[index]) }
      guard mayStay, ready > 0 else { return }
    }
  }

  private func handle(_ event: EventPoll.Event) {
    guard event.token != Doorbell.token else { return doorbell.silence() }
    guard let connection = table[event.token] else { return }
    if event.hasFailed {
      close(connection)
    } else if event.isWritable {
      resumeSending(connection)
    } else if event.isReadable {
      receive(connection)
    } else if event.peerHasClosed {
      // Only asked for while a request is parked: there is nobody to answer any more.
      close(connection)
    }
  }
}

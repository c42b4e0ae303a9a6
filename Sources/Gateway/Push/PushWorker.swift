import Durability
import Engine
import HTTPWire
import Runtime
import Server

/// What push knows on one worker: the sessions there, what they are interested in, and who has something to be told.
///
/// Touched by its worker only.
final class PushWorker: @unchecked Sendable {
  let registry: InterestRegistry
  let scratch: WorkerScratch
  private let context: PushContext
  private let index: Int

  @exclusivity(unchecked) private var ready: [SessionID] = []
  private var heartbeats: HeartbeatWheel
  private var pollers: [ChangePoller] = []
  private var waiting: [any PositionWaiter] = []
  /// Places taken in the gate for them, since a while.
  private var gateWaits: (count: Int, until: Int64) = (0, 0)
  /// The views that readers see, by their tables.
  private var viewsByTable: [ObjectIdentifier: LiveView] = [:]
  private var directory: ViewDirectory?
  private var wasStale = false
  let frames = FrameBuffers()
  let counters: PushCounters
  /// What all sessions see that are asked one after the other; nil outside of such a round.
  @exclusivity(unchecked) private(set) var round: ReadGate.Visible?

  /// Held for clients that have not taken it yet.
  @exclusivity(unchecked) var capturedBytes = 0

  /// What may be captured at one position; where more is to be told it takes several captures, and the client waits for the last.
  /// Where many clients are slow, each has a frame.
  var captureBytesMax: Int { capturedBytes < Self.capturedBytesMax ? 1 << 20 : 65_536 }

  private static let capturedBytesMax = 64 << 20
  private static let gateWaitsMax = 256
  /// In nanoseconds.
  private static let gateWaitsTime: Int64 = 2_000_000_000

  init(_ context: PushContext, index: Int, scratch: WorkerScratch) {
    registry = InterestRegistry(context.store, context.window)
    self.context = context
    counters = context.counters
    self.scratch = scratch
    self.index = index
    heartbeats = HeartbeatWheel(interval: context.heartbeat)
  }

  var clock: Clock { context.clock }
  var changeLog: ChangeLog? { context.changeLog }
  private var store: ViewStore { context.store }

  // MARK: Reading

  /// Enters the read gate and takes in what is visible; ``leave()`` must follow.
  func enter() -> ReadGate.Visible {
    if let round { return round }
    let visible = store.gate.enter(index)
    registry.catchUp(to: visible)
    return visible
  }

  func leave() {
    if round == nil { store.gate.leave(index) }
  }

  /// Stays inside of the gate until ``endRound()``: nothing else is read on this worker meanwhile.
  func beginRound() { round = enter() }

  func endRound() {
    round = nil
    leave()
  }

  /// Steps that one answer may go through.
  static let stepsMax = 10_000

  /// The steps behind a position that a reader sees, at most so many.
  func steps(after position: Position, upTo visible: ReadGate.Visible, of view: LiveView)
    -> ChangeWindow.Steps
  {
    context.window.steps(
      after: position, upTo: visible.sequence, of: view, limit: Self.stepsMax)
  }

  /// The view as it is now whose rows a reader of `view` reads; nil if there is none any more.
  func current(_ view: LiveView, in visible: ReadGate.Visible) -> LiveView? {
    if directory !== visible.views {
      directory = visible.views
      viewsByTable = Dictionary(
        visible.views.views.map { (ObjectIdentifier($0.table), $0) }, uniquingKeysWith: { $1 })
    }
    return viewsByTable[ObjectIdentifier(view.table)]
  }

  /// Whether rows grow old, as the database can't be followed.
  var isStale: Bool { store.gate.visible.staleSince != nil }

  /// By how many milliseconds what is visible may be behind the database.
  func lagMilliseconds(_ visible: ReadGate.Visible) -> Int64 {
    let nanoseconds = visible.staleSince.map { clock.monotonic - $0 } ?? context.lag()
    return max(0, nanoseconds / 1_000_000)
  }

  // MARK: Sessions

  func add(_ session: any PushSession) {
    heartbeats.add(session)
    counters.sessions.add()
  }

  func remove(_ session: any PushSession) {
    heartbeats.remove(session)
    counters.sessions.subtract()
  }

  /// Has the session asked for messages as soon as there is a turn.
  func isReady(_ session: any PushSession) {
    guard let id = session.id, !session.isNamedReady else { return }
    session.isNamedReady = true
    ready.append(id)
  }

  /// Has the session asked again although no change will call for it.
  func wantsTurn(_ session: any PushSession) {
    isReady(session)
    context.signal()
  }

  /// Collects those that have something to tell.
  func gather(_ cause: GatherCause, _ sessions: inout [SessionID]) {
    if !registry.isEmpty {
      _ = enter()
      leave()
    }
    retryWaiting()
    if cause == .tick { tick() }
    sessions.append(contentsOf: ready)
    ready.removeAll(keepingCapacity: ready.count < 16_384)
  }

  private func tick() {
    if registry.isEmpty {
      (directory, viewsByTable) = (nil, [:])
      registry.rest()
    }
    let isStale = isStale
    // Everybody is to know at once that rows grow old, or no longer do.
    for session in isStale == wasStale ? heartbeats.advance() : heartbeats.all {
      session.heartbeatIsDue()
      isReady(session)
    }
    wasStale = isStale
    let now = clock.monotonic
    for poller in pollers where poller.deadline <= now || !poller.isAwaited { poller.leave() }
  }

  // MARK: Waiting for a position

  /// Has the waiter called again when `lsn` may have been reached, or with the next tick where many wait already.
  func wait(for lsn: LSN, until deadline: Int64, _ waiter: any PositionWaiter) {
    waiting.append(waiter)
    let (now, wake) = (clock.monotonic, context.signal)
    if now >= gateWaits.until { gateWaits = (0, now + Self.gateWaitsTime) }
    // The gate's places are for requests as well, and subscriptions may end long before they would have left theirs.
    guard gateWaits.count < Self.gateWaitsMax else { return }
    gateWaits.count += 1
    switch store.gate.wait(for: lsn, now: now, deadline: deadline, wake: { wake() }) {
    case .reached: wake()
    case .waiting: context.positionIsAwaited()
    case .refused: break
    }
  }

  /// Has the waiter called again and again, until it does not go on.
  func watch(_ waiter: any PositionWaiter) { waiting.append(waiter) }

  func hasReached(_ lsn: LSN, _ visible: ReadGate.Visible) -> Bool {
    store.gate.hasReached(lsn, visible)
  }

  private func retryWaiting() {
    guard !waiting.isEmpty else { return }
    let visible = store.gate.visible
    let now = clock.monotonic
    var left: [any PositionWaiter] = []
    for waiter in waiting {
      if waiter.goesOn(visible, now: now, self) { left.append(waiter) }
    }
    waiting = left
  }

  // MARK: Long polls

  func add(_ poller: ChangePoller) {
    pollers.append(poller)
    counters.polls.add()
    // A step that came before it was counted told nobody.
    if registry.isBehind(store.gate.visible) { context.signal() }
  }

  func remove(_ poller: ChangePoller) {
    if let place = pollers.firstIndex(where: { $0 === poller }) {
      pollers.swapAt(place, pollers.count - 1)
      pollers.removeLast()
      counters.polls.subtract()
    }
  }
}

/// A session of push, as its worker knows it.
protocol PushSession: Session {
  var id: SessionID? { get }
  /// Whether it is among those that the worker will name ready.
  var isNamedReady: Bool { get set }
  var heartbeatPlace: Int { get set }

  func heartbeatIsDue()
}

/// Somebody who waits for a position to become visible.
protocol PositionWaiter: AnyObject {
  /// Looks whether the wait is over; true to be called again.
  func goesOn(_ visible: ReadGate.Visible, now: Int64, _ worker: PushWorker) -> Bool
}

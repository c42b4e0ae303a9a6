import Capture
import Engine
import Logging
import Runtime
import Synchronization

/// Takes holds, changes them and tells of them: one for a process.
///
/// Workers ask, the queue of capture judges, lanes write. What they share is one value under one lock that nobody keeps for
/// longer than a look at a few dictionaries; nobody is woken and nothing is posted inside of it.
package final class HoldDesk: Sendable {
  /// A hold of this process between its admission and its answer.
  struct Open {
    let draft: HoldDraft
    let ticket: HoldTicket
    /// What the database set: when it was made and when it expires.
    var committed: (createdAt: String, expiresAt: String)?
    var verdict: HoldBook.Verdict?
    /// What the verdict was made at.
    var position: Position?
  }

  /// Goes on with the position at which an adopted hold was granted; with nil where it was not.
  typealias Adoption = @Sendable (Position?) -> Void

  /// A caller's idempotency key or reference.
  struct OwnedText: Hashable {
    let caller: String
    let text: String
  }

  struct State {
    var book = HoldBook()
    var index: HoldIndex
    var open: [HoldID: Open] = [:]
    /// What requests under way have, so that no second one begins.
    var keysInFlight: Set<OwnedText> = []
    var referencesInFlight: Set<OwnedText> = []
    /// Of those in flight, which the log does not show yet.
    var usageInFlight: [String: HoldIndex.Usage] = [:]
    var rates: [String: TokenBucket] = [:]
    /// To be written next.
    var queue: [HoldDraft] = []
    /// Insert lanes with nothing to do.
    var idleLanes = Array(0..<HoldDesk.insertLaneCount)
    /// Since when something committed waits for its verdict, on the monotonic clock.
    var undecidedSince: Int64?
    var undecidedCount = 0
    /// Of this process's holds and those that they replace, while a snapshot is told.
    var snapshot: [HoldID: HoldBook.SnapshotStanding] = [:]
    var snapshotIndex: HoldIndex?
    var replacedInFlight: Set<HoldID> = []
    var keyColumns: HoldKeyColumns?
    /// What goes on once another's hold is adopted, or is not.
    var adoptions: [HoldID: Adoption] = [:]
    var decidedAdoptions: [(adoption: Adoption, position: Position?)] = []
    /// Of holds that somebody is told of before they are decided.
    var marks: [HoldID: Mark] = [:]
    /// Granted with their marks still on, and how to go on without them.
    var unmarking: [HoldID: @Sendable () -> Void] = [:]
    /// Of these, whose rows were locked or out of reach.
    var stillMarked: Set<HoldID> = []
    /// To be told once the step is visible.
    var settled: [(HoldTicket, HoldOutcome)] = []
    /// Refused in the step at hand.
    var refused: [HoldID] = []
    /// Granted in place of others that are still to be released.
    var releases: [(old: HoldID, new: HoldID)] = []
  }

  /// Requests that may be under way at a time; more are told to come back.
  static let openMax = 16_384
  /// How long the log may lag before nothing is taken any more.
  static let lagMax: Int64 = 5_000_000_000
  /// How long a request waits for a verdict unless it says otherwise.
  package static let waitDefault = Duration.seconds(2)
  /// A row of another process that is younger may be decided any moment.
  static let undecidedAgeMax = waitDefault * 2

  /// This process, as the rows that it inserts name it.
  package let instance: HoldID
  package let metrics = HoldMetrics()
  let configuration: HoldConfiguration
  let readings: HoldReadings
  let store: ViewStore
  let clock: Clock
  let logger: Logger
  let state: Mutex<State>
  let stopFlag = StopFlag()
  /// Two, so that the next batch need not wait for the commit of the last: the server brings their commits to the disk together.
  static let insertLaneCount = 2
  /// Inserts; changes of state; look-ups; expiry, purge and the advisory lock: none waits for another.
  let insertLanes: [HoldLane]
  let changeLane: HoldLane
  let readLane: HoldLane
  let dutyLane: HoldLane
  /// Connects when somebody asks.
  let explainLane: HoldLane

  package init(
    _ configuration: HoldConfiguration, store: ViewStore, clock: Clock, logger: Logger
  ) {
    self.configuration = configuration
    readings = HoldReadings(key: configuration.columns.key.map(\.name))
    self.store = store
    self.clock = clock
    self.logger = logger
    var random = SystemRandomNumberGenerator()
    instance = HoldID(from: &random)
    state = Mutex(State(index: HoldIndex(hasher: RowHasher(seed: random.next()))))
    let conninfo = configuration.conninfo
    let stopFlag = stopFlag
    insertLanes = (0..<Self.insertLaneCount).map {
      HoldLane("insert-\($0)", conninfo: conninfo, stop: stopFlag)
    }
    changeLane = HoldLane("change", conninfo: conninfo, stop: stopFlag)
    readLane = HoldLane("read", conninfo: conninfo, stop: stopFlag)
    dutyLane = HoldLane("duty", conninfo: conninfo, stop: stopFlag)
    explainLane = HoldLane("explain", conninfo: conninfo, stop: stopFlag)
  }

  /// Begins with expiry and the like.
  package func start() { beginDuties() }

  /// Ends; what is under way is left to the log.
  package func stop() {
    stopFlag.set()
    for lane in insertLanes + [changeLane, readLane, dutyLane, explainLane] {
      lane.post { $0.close() }
    }
  }

  /// For metrics.
  package var inFlightCount: Int { state.withLock { $0.book.inFlightCount } }
  package var refusedCount: Int { state.withLock { $0.book.refusedIDs.count } }

  // MARK: Ends

  /// Takes a request off the books; its ticket is the caller's to resolve.
  func close(_ id: HoldID, _ state: inout State) -> Open? {
    guard let open = state.open.removeValue(forKey: id) else { return nil }
    state.marks[id] = nil
    release(open.draft, &state)
    if open.verdict == nil {
      state.book.drop(id)
      if open.committed != nil { decided(&state) }
    }
    return open
  }

  /// Lets others use what the draft kept for itself.
  func release(_ draft: HoldDraft, _ state: inout State) {
    if let key = draft.idempotencyKey {
      state.keysInFlight.remove(OwnedText(caller: draft.caller, text: key))
    }
    if let reference = draft.reference {
      state.referencesInFlight.remove(OwnedText(caller: draft.caller, text: reference))
    }
    var usage = state.usageInFlight[draft.caller] ?? HoldIndex.Usage()
    usage.holds -= 1
    usage.units -= draft.units
    state.usageInFlight[draft.caller] = usage.holds <= 0 ? nil : usage
  }

  func fail(_ id: HoldID, _ failure: HoldFailure) {
    let (open, adoption) = state.withLock { state in
      (close(id, &state), state.adoptions.removeValue(forKey: id))
    }
    adoption?(nil)
    guard let open else { return }
    metrics.failures.add()
    open.ticket.resolve(.failed(failure))
  }

  // MARK: Lag

  /// Something committed; its verdict is due.
  func committed(_ state: inout State) {
    state.undecidedCount += 1
    if state.undecidedCount == 1 { state.undecidedSince = clock.monotonic }
  }

  func decided(_ state: inout State) {
    state.undecidedCount -= 1
    state.undecidedSince = state.undecidedCount > 0 ? clock.monotonic : nil
  }

  /// For how long nothing was heard of the log that should have been, in seconds; nil if it is followed well enough.
  func lagSeconds(_ state: State) -> Int? {
    let since = [store.gate.visible.staleSince, state.undecidedSince].compactMap(\.self).min()
    guard let since, clock.monotonic - since > Self.lagMax else { return nil }
    return Int((clock.monotonic - since) / 1_000_000_000)
  }
}

/// So many a second, and as many at once.
struct TokenBucket {
  private var tokens: Double
  private var at: Int64

  init(rate: Int, now: Int64) {
    tokens = Double(rate)
    at = now
  }

  /// - Parameter now: nanoseconds.
  mutating func take(rate: Int, now: Int64) -> Bool {
    tokens = min(Double(rate), tokens + Double(now - at) / 1e9 * Double(rate))
    at = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}

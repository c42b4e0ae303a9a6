/// A change that is owed to one receiver.
package protocol OutboxChange: Sendable {
  /// Changes of the same key are delivered in order.
  var key: [UInt8] { get }
  /// What keeping it costs.
  var byteCount: Int { get }
  /// Whether there is nothing to tell any more, as of a row that came and went.
  var isNothing: Bool { get }
  /// Becomes what both together are.
  mutating func absorb(_ later: Self)
}

/// What is owed to one receiver, and what may be sent now: a machine without a clock, a socket or a database.
///
/// Changes of one key wait in a lane and go out in order; lanes go side by side. A key whose delivery fails, or that holds up
/// many others, is *excepted*: it is remembered by itself with its first undelivered position, and the cursor passes it. So
/// cursor and exceptions tell at any time what is undelivered, and a successor that starts from them misses nothing; what it
/// sends again is bounded (``aheadMax``, ``unrecordedMax``).
///
/// Excepted keys keep only a few changes in memory. What comes behind is *spilled*: left to the source, and read again.
///
/// Times are in milliseconds on any clock that does not go back.
package struct Outbox<Change: OutboxChange>: Sendable {
  package typealias Key = [UInt8]

  package struct Options: Sendable, Hashable {
    /// Requests under way at once.
    package var concurrency = 8
    /// Changes in one request.
    package var batchMax = 1
    /// How long a change may wait for others to share its request.
    package var batchTime: Int64 = 0
    /// Whether undelivered changes of a key become one, unless they were sent already.
    package var coalesces = false
    /// Requests per second.
    package var rate: Int?

    package init() {}
  }

  struct Entry: Sendable {
    var change: Change
    /// The step it is of; of several in one, the first.
    let lsn: LSN
  }

  struct Lane: Sendable {
    var entries = ArrivalQueue<Entry>()
    /// The first entries, which a delivery has; of other lanes, none.
    var taken = 0
    /// Whether those may have reached the receiver, and must stay as they are.
    var isFrozen = false
    var isExcepted = false
    /// The first step of which something was left to the source.
    var spilledFrom: LSN?
    /// Since when it waits to be sent, if it does.
    var readyAt: Int64?
  }

  struct Delivery: Sendable {
    let parts: [(key: Key, count: Int)]
    var failures = 0
    var firstSentAt: Int64?
    var isFrozen = false
    var isUnderWay = true
  }

  package private(set) var options: Options
  let schedule: AttemptSchedule
  var lanes: [Key: Lane] = [:]
  var ledger: StepLedger
  /// Lanes with something to send, in the order in which they came to have it.
  var ready = ArrivalQueue<Key>()
  var readyChanges = 0
  var deliveries: [Int: Delivery] = [:]
  var lastNumber = 0
  var due = DueQueue()
  var prefersFresh = false
  var breaker = CircuitBreaker()
  var rate: RateLimit
  /// As the receiver asked for.
  var pausedUntil: Int64?
  package internal(set) var underWay = 0

  var changeCount = 0
  var byteCount = 0
  var exceptions: Set<Key> = []
  var changedExceptions: Set<Key> = []
  var unrecorded = 0
  var recordedCursor: LSN
  var rereads: Set<Key> = []

  /// Changes kept; more are left to the source until some are delivered.
  package static var changesMax: Int { 20_000 }
  /// Keys excepted; the next one that fails holds the cursor instead.
  package static var exceptionsMax: Int { 2_000 }
  /// Changes kept of an excepted key before what follows is spilled, once half of what may be kept is.
  static var exceptedChangesMax: Int { 4 }
  /// Changes of a key taken in again at once.
  package static var rereadMax: Int { 256 }
  /// Keys read again in one go.
  static var rereadKeysMax: Int { 64 }
  /// Delivered behind the cursor, at which the keys that hold it are excepted.
  package static var aheadMax: Int { 64 }
  /// Waiting keys that are looked at for those that hold the cursor.
  static var reliefMax: Int { 256 }
  /// Delivered and not recorded, at which sending waits for the record.
  package static var unrecordedMax: Int { 256 }
  /// Bytes of changes kept.
  package var bytesMax = 16 << 20

  /// - Parameters:
  ///   - cursor: nothing up to here is owed, but for
  ///   - exceptions: by key the first undelivered position.
  package init(
    _ options: Options = Options(), schedule: AttemptSchedule = AttemptSchedule(),
    from cursor: LSN, exceptions: [Key: LSN] = [:]
  ) {
    self.options = options
    self.schedule = schedule
    rate = RateLimit(perSecond: options.rate)
    ledger = StepLedger(from: cursor)
    recordedCursor = cursor
    for (key, lsn) in exceptions {
      lanes[key] = Lane(isExcepted: true, spilledFrom: lsn)
      self.exceptions.insert(key)
      rereads.insert(key)
    }
  }

  /// Goes on under other options; what is under way or failed stays as it is.
  package mutating func setOptions(_ options: Options) {
    if options.rate != self.options.rate { rate = RateLimit(perSecond: options.rate) }
    self.options = options
  }

  // MARK: What comes in

  /// The last step taken in.
  package var end: LSN { ledger.end }
  package var owedChanges: Int { changeCount }
  package var exceptionCount: Int { exceptions.count }
  package var breakerState: CircuitBreaker.State { breaker.state }

  package var wantsMore: Bool { changeCount < Self.changesMax && byteCount < bytesMax }

  /// Takes a step with what it owes the receiver, at most one change of a key; perhaps none.
  package mutating func accept(_ lsn: LSN, _ changes: [Change], now: Int64) {
    var owed = 0
    for change in changes where add(change, lsn, now: now) { owed += 1 }
    ledger.add(lsn, owed: owed)
  }

  /// - Returns: whether the ledger is to count it.
  private mutating func add(_ change: Change, _ lsn: LSN, now: Int64) -> Bool {
    let key = change.key
    var lane = lanes[key] ?? Lane()
    defer { lanes[key] = lane }
    guard lane.spilledFrom == nil else { return false }
    if absorb(change, into: &lane) { return false }
    if lane.isExcepted, lane.entries.count >= roomOfException {
      lane.spilledFrom = lsn
      return false
    }
    append(Entry(change: change, lsn: lsn), to: &lane, key, now: now)
    return !lane.isExcepted
  }

  /// Changes kept of an excepted key before what follows is spilled: few where there is little room.
  private var roomOfException: Int {
    changeCount < Self.changesMax / 2 && byteCount < bytesMax / 2
      ? Self.rereadMax : Self.exceptedChangesMax
  }

  private mutating func absorb(_ change: Change, into lane: inout Lane) -> Bool {
    guard options.coalesces, lane.entries.count > (lane.isFrozen ? lane.taken : 0) else {
      return false
    }
    let last = lane.entries.count - 1
    byteCount -= lane.entries[last].change.byteCount
    lane.entries[last].change.absorb(change)
    byteCount += lane.entries[last].change.byteCount
    return true
  }

  private mutating func append(_ entry: Entry, to lane: inout Lane, _ key: Key, now: Int64) {
    lane.entries.append(entry)
    changeCount += 1
    byteCount += entry.change.byteCount
    if lane.readyAt != nil {
      readyChanges += 1
    } else if lane.taken == 0 {
      makeReady(&lane, key, now: now)
    }
  }

  mutating func makeReady(_ lane: inout Lane, _ key: Key, now: Int64) {
    lane.readyAt = now
    ready.append(key)
    readyChanges += lane.entries.count
  }

  // MARK: Reading again

  /// Keys whose changes are to be read from the source again, each from its position to ``end``; some of them, if many.
  package var spilled: [Key: LSN] {
    var spilled: [Key: LSN] = [:]
    for key in rereads {
      // What lies behind the end is not there to be read yet.
      guard let lsn = lanes[key]?.spilledFrom, lsn <= end else { continue }
      spilled[key] = lsn
      if spilled.count == Self.rereadKeysMax { break }
    }
    return spilled
  }

  /// Takes what was read again of one key: all up to ``end``, or as far as `rest`.
  package mutating func refill(
    _ key: Key, _ changes: [(lsn: LSN, change: Change)], rest: LSN?, now: Int64
  ) {
    guard rereads.remove(key) != nil, var lane = lanes[key] else { return }
    lane.spilledFrom = rest
    for (lsn, change) in changes where !absorb(change, into: &lane) {
      append(Entry(change: change, lsn: lsn), to: &lane, key, now: now)
    }
    lanes[key] = lane
    settleLane(key, now: now)
  }

  /// Gives up what was left to the source, which does not have it any more.
  package mutating func forgetSpilled(now: Int64) {
    for key in Array(rereads) { refill(key, [], rest: nil, now: now) }
  }
}

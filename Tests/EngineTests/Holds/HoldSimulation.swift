import TestSupport

@testable import Engine

/// Several instances over one log, with a schedule drawn from a seed: who commits, who reads how far, who crashes.
///
/// The log is what a database would write: transactions one after the other. Every instance has a ``HoldBook`` and reads the
/// log at its own pace. What is acknowledged goes to the auditor.
struct HoldSimulation {
  struct Row {
    var status = HoldStatus.held
    var instance: Int
    let claim: HoldClaim
    var supersededBy: HoldID?
    /// Whether the row says that it is not decided.
    var isPending = false
  }

  enum Event {
    case stock(key: Int, by: Int64)
    case inserted(HoldID, Row)
    case marked(HoldID, by: HoldID?)
    case adopted(HoldID, by: Int)
    case pending(HoldID, Bool)
    case status(HoldID, HoldStatus)
  }

  struct Database {
    var stock: [Int64]
    var rows: [HoldID: Row] = [:]

    mutating func apply(_ event: Event) {
      switch event {
      case .stock(let key, let by): stock[key] += by
      case .inserted(let id, let row): rows[id] = row
      case .marked(let id, let other): rows[id]?.supersededBy = other
      case .adopted(let id, let instance): rows[id]?.instance = instance
      case .pending(let id, let isPending): rows[id]?.isPending = isPending
      case .status(let id, let status): rows[id]?.status = status
      }
    }

    /// As the availability view has it.
    func available(_ key: Int) -> Int64 {
      let taken = rows.values.filter(\.status.isActive).map { $0.claim.units(of: key) }
      return stock[key] - taken.reduce(0, +)
    }
  }

  struct Instance {
    var number: Int
    var book = HoldBook()
    /// The log up to here is in its views.
    var read: Int
    var views: Database
    /// Admitted, and not yet in a commit.
    var queue: [(HoldID, Row)] = []
    var granted: Set<HoldID> = []
  }

  struct Decision {
    /// How much of the log its instance had read.
    let position: Int
    let instance: Int
    /// Counts the decisions of a run.
    let ordinal: Int
    let isGranted: Bool
  }

  struct Settings {
    var instances = 1...3
    var crashes = true
    var moves = true
    var replaces = true
    var adopts = true
    /// How clients that get no answer in time are told of their holds.
    var tells = Telling.marked
    var unitsMax = 4
  }

  enum Telling {
    case never
    /// Once the row says that it is not decided, which shops' transactions refuse.
    case marked
    /// As it is; a shop may confirm what is told.
    case unmarked
  }

  private var random: SeededRandom
  private let settings: Settings
  private(set) var log: [[Event]] = []
  private(set) var now: Database
  private var instances: [Instance] = []
  private var nextNumber = 0
  private(set) var decisions: [HoldID: Decision] = [:]
  private(set) var shortCount = 0
  /// Undecided holds that clients were told of.
  private(set) var told: Set<HoldID> = []
  let keyCount: Int

  init(seed: UInt64, _ settings: Settings) {
    random = SeededRandom(seed: seed)
    self.settings = settings
    keyCount = random.number(1...3)
    let units = random.number(2...12)
    now = Database(stock: Array(repeating: Int64(units), count: keyCount))
    for _ in 0..<random.number(settings.instances) { instances.append(makeInstance()) }
  }

  private mutating func makeInstance() -> Instance {
    nextNumber += 1
    return Instance(number: nextNumber, read: log.count, views: now)
  }

  mutating func run(steps: Int) {
    for _ in 0..<steps { step() }
    drain()
  }

  /// Lets all that is under way come to its end.
  private mutating func drain() {
    var written = -1
    while written != log.count {
      written = log.count
      for index in instances.indices {
        while !instances[index].queue.isEmpty { commit(index) }
        while instances[index].read < log.count { readStep(index) }
        clearUp(index)
      }
    }
  }

  private mutating func step() {
    let index = random.number(0...instances.count - 1)
    switch random.number(0...99) {
    case 0..<30: take(index)
    case 30..<50: commit(index)
    case 50..<75: readStep(index)
    case 75..<83: clearUp(index)
    case 83..<86: end()
    case 86..<88 where settings.adopts: adopt(index)
    case 88..<92 where settings.moves: write([.stock(key: key(), by: Int64(random.number(-2...3)))])
    case 92..<94 where settings.crashes: instances[index] = makeInstance()
    case 94..<98 where settings.crashes: bootstrap(index)
    case 98...99 where settings.tells != .never: tell(index)
    default: readStep(index)
    }
  }

  // MARK: What instances do

  private mutating func take(_ index: Int) {
    let id = HoldID(from: &random)
    let old = settings.replaces && random.oneIn(4) ? replaceable(index) : nil
    let claim = HoldClaim(
      lines: claimedKeys().map {
        HoldUnits(key: HoldKey([UInt8($0)]), units: Int64(random.number(1...settings.unitsMax)))
      }, replaces: old,
      replaced: old.map { instances[index].views.rows[$0]?.claim.byKey ?? [:] } ?? [:])
    let views = instances[index].views
    let available = claim.lines.map { Optional(views.available(Int($0.key.bytes[0]))) }
    switch instances[index].book.admit(id, claim, available: available) {
    case .short: shortCount += 1
    case .admitted:
      let row = Row(instance: instances[index].number, claim: claim)
      if old == nil { instances[index].queue.append((id, row)) } else { replace(index, id, row) }
    }
  }

  /// A hold of its own that is known to be granted.
  private mutating func replaceable(_ index: Int) -> HoldID? {
    let ids = instances[index].granted.filter { instances[index].book.standing(of: $0) == .granted }
    return ids.sorted().randomElement(using: &random)
  }

  /// One transaction, unless the old one has ended meanwhile.
  private mutating func replace(_ index: Int, _ id: HoldID, _ row: Row) {
    guard let replaced = row.claim.replaces, let old = now.rows[replaced], old.status == .held,
      old.supersededBy == nil
    else { return instances[index].book.drop(id) }
    write([.marked(replaced, by: id), .inserted(id, row)])
  }

  private mutating func commit(_ index: Int) {
    guard !instances[index].queue.isEmpty else { return }
    let count = random.number(1...instances[index].queue.count)
    write(instances[index].queue.prefix(count).map { Event.inserted($0.0, $0.1) })
    instances[index].queue.removeFirst(count)
  }

  /// Applies some transactions as one step, which ends with the first that has rows to decide.
  private mutating func readStep(_ index: Int) {
    var left = random.number(1...4)
    var decides = false
    while left > 0, !decides, instances[index].read < log.count {
      for event in log[instances[index].read] {
        instances[index].views.apply(event)
        switch event {
        case .inserted(let id, _): decides = instances[index].book.inserted(id) || decides
        case .status(let id, let status) where status != .held: instances[index].book.ended(id)
        case .adopted(let id, let other):
          if other == instances[index].number {
            decides = instances[index].book.adopted(id) || decides
          } else if instances[index].book.standing(of: id) == .refused {
            instances[index].book.ended(id)
          }
        case .status, .marked, .pending, .stock: break
        }
      }
      instances[index].read += 1
      left -= 1
    }
    judge(index)
  }

  private mutating func judge(_ index: Int) {
    let views = instances[index].views
    let verdicts = instances[index].book.judge { views.available(Int($0.bytes[0])) }
    instances[index].book.stepIsVisible()
    for verdict in verdicts {
      if verdict.isGranted { instances[index].granted.insert(verdict.id) }
      // What was promised before is adopted without being promised anew.
      guard !isPromised(verdict.id) else { continue }
      decisions[verdict.id] = Decision(
        position: instances[index].read, instance: instances[index].number,
        ordinal: decisions.count, isGranted: verdict.isGranted)
    }
  }

  /// Somebody asks about a hold of another instance, whatever that one has made of it.
  private mutating func adopt(_ index: Int) {
    let views = instances[index].views
    let book = instances[index].book
    let ids = views.rows.filter { id, row in
      row.status == .held && row.supersededBy == nil && book.standing(of: id) == .unknown
        && row.claim.lines.allSatisfy { views.available(Int($0.key.bytes[0])) >= 0 }
    }.keys.sorted()
    guard let id = ids.randomElement(using: &random), let row = now.rows[id], row.status == .held,
      row.supersededBy == nil
    else { return }
    instances[index].book.adopt(id, HoldClaim(lines: row.claim.lines))
    write([.adopted(id, by: instances[index].number)])
  }

  /// A client has waited for long enough for a hold of this instance that is written and not decided.
  private mutating func tell(_ index: Int) {
    let (book, number) = (instances[index].book, instances[index].number)
    let waiting = now.rows.filter { id, row in
      guard row.instance == number, row.status == .held, !told.contains(id) else { return false }
      switch book.standing(of: id) {
      case .undecided, .refused: return true
      case .granting, .granted, .unknown: return false
      }
    }.keys.sorted()
    guard let id = waiting.randomElement(using: &random) else { return }
    if settings.tells == .marked { write([.pending(id, true)]) }
    told.insert(id)
  }

  /// Marks refused rows as rejected, takes the marks off what was granted, and releases those that were replaced.
  private mutating func clearUp(_ index: Int) {
    let book = instances[index].book
    for id in book.refusedIDs.sorted() {
      guard let row = now.rows[id], row.status == .held, row.instance == instances[index].number
      else { continue }
      write([.status(id, .rejected)] + (row.claim.replaces.map { [.marked($0, by: nil)] } ?? []))
    }
    for id in instances[index].granted.sorted() where now.rows[id]?.isPending ?? false {
      write([.pending(id, false)])
    }
    for id in instances[index].granted.sorted() {
      guard let row = now.rows[id], let old = row.claim.replaces, now.rows[old]?.status == .held
      else {
        continue
      }
      write([.status(old, .released)])
    }
  }

  private mutating func bootstrap(_ index: Int) {
    instances[index].read = log.count
    instances[index].views = now
    let (rows, number) = (now.rows, instances[index].number)
    _ = instances[index].book.restarted { id in
      rows[id].map { $0.status != .held ? .ended : $0.instance == number ? .held : .heldByOther }
    }
    judge(index)
  }

  // MARK: What others do

  /// A shop confirms or settles what was acknowledged; anybody releases; time runs out.
  private mutating func end() {
    guard let id = now.rows.keys.sorted().randomElement(using: &random), let row = now.rows[id],
      row.status.isActive
    else { return }
    guard row.supersededBy == nil else {
      if random.oneIn(2), row.status == .held { write([.status(id, .expired)]) }
      return
    }
    switch random.number(0...4) {
    case 0 where row.status == .held && isConfirmable(id, row): write([.status(id, .confirmed)])
    case 1 where isConfirmable(id, row):
      write(
        [.status(id, .settled)]
          + row.claim.lines.map { .stock(key: Int($0.key.bytes[0]), by: -$0.units) })
    case 2...3: write([.status(id, row.status == .held ? .expired : .released)])
    default: break
    }
  }

  /// Whether somebody knows it and the functions of the schema let it pass.
  private func isConfirmable(_ id: HoldID, _ row: Row) -> Bool {
    (isPromised(id) || told.contains(id)) && !row.isPending
  }

  func isPromised(_ id: HoldID) -> Bool { decisions[id]?.isGranted ?? false }

  private mutating func write(_ events: [Event]) {
    for event in events { now.apply(event) }
    log.append(events)
  }

  private mutating func key() -> Int { random.number(0...keyCount - 1) }

  private mutating func claimedKeys() -> [Int] {
    Array((0..<keyCount).shuffled(using: &random).prefix(random.number(1...keyCount)))
  }
}

extension HoldClaim {
  func units(of key: Int) -> Int64 {
    lines.filter { $0.key.bytes == [UInt8(key)] }.map(\.units).reduce(0, +)
  }

  var byKey: [HoldKey: Int64] {
    Dictionary(uniqueKeysWithValues: lines.map { ($0.key, $0.units) })
  }
}

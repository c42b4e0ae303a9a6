import Testing

/// Recomputes from the log alone what there was at each commit, and looks whether what clients were told could be so.
struct HoldLogAuditor {
  private struct Hold {
    var status = "held"
    var instance: String
    var lines: [String: Int] = [:]
    var supersededBy: String?
    var replaces: String?
    /// Another had its key or reference first.
    var hasRival = false
  }

  /// By hold, from where on it counts as promised.
  private let told: [String: UInt64]
  private let knowsOrder: Bool
  private var stock: [String: Int]
  private var holds: [String: Hold] = [:]
  private(set) var findings: [String] = []
  /// Verdicts recomputed.
  private(set) var verdicts = 0
  private(set) var rejections = 0
  private let rejected: Set<String>
  /// Holds that another process has made its own, and decided there unless the first had granted it before.
  private let adopted: Set<String>
  /// Those that fitted where they were inserted.
  private var fitted: Set<String> = []
  /// Those that did not, or had a rival, so that whoever inserted them has refused them. A process that is killed before it says so in their rows
  /// has left them out of all that it decided, and promised them to nobody; others count them.
  private var refused: Set<String> = []
  /// Holds decided beside such a one.
  private(set) var besideUnmarked = 0

  /// - Parameters:
  ///   - told: the holds that clients were told to have.
  ///   - knowsOrder: whether each hold was decided at its own commit, as it is while the log is followed without a break.
  ///   - units: of each key at the start.
  init(
    _ log: DecodedLog, told: [String: HoldRace.Promise], stock: [String: Int], knowsOrder: Bool
  ) {
    self.told = told.mapValues { promise in
      switch promise {
      case .decidedAt(let position): position
      case .decidedBy(let position): knowsOrder ? 0 : position
      }
    }
    self.knowsOrder = knowsOrder
    self.stock = stock
    rejected = Set(
      log.transactions.flatMap(\.changes).filter {
        $0.table == "onhand.holds" && $0.values["status"] == "rejected"
      }.compactMap { $0.values["id"] })
    let instances = log.transactions.flatMap(\.changes).filter { $0.table == "onhand.holds" }
      .reduce(into: [String: Set<String>]()) {
        $0[$1.values["id"] ?? "", default: []].insert($1.values["instance"] ?? "")
      }
    adopted = Set(instances.filter { $0.value.count > 1 }.keys)
    for transaction in log.transactions {
      apply(transaction.changes, transaction.end)
      if !suspects.isEmpty { tell(log) }
    }
  }

  /// Holds that a finding is about.
  private var suspects: Set<String> = []

  /// What the log has of the suspects, and of what they replace.
  private mutating func tell(_ log: DecodedLog) {
    let names = suspects.union(suspects.compactMap { holds[$0]?.replaces })
    suspects = []
    for transaction in log.transactions {
      for change in transaction.changes
      where names.contains(change.values["id"] ?? change.values["hold_id"] ?? "") {
        findings.append("\(transaction.end) \(change.kind) \(change.table) \(change.values)")
      }
    }
    findings += names.map { "\($0) was told at \(told[$0] ?? 0)" }
  }

  private mutating func apply(_ transaction: [DecodedLog.Change], _ end: UInt64) {
    var inserted: [String] = []
    var takenOver: [String] = []
    for change in transaction {
      let values = change.values
      switch (change.table, change.kind) {
      case ("public.stock", .update):
        stock[key(values["item_id"], values["store"])] = values["units"].flatMap { Int($0) }
      case ("onhand.holds", .insert):
        let id = values["id"] ?? ""
        holds[id] = Hold(instance: values["instance"] ?? "")
        inserted.append(id)
        claim(values, id)
      case ("onhand.holds", .update):
        let id = values["id"] ?? ""
        if let hold = holds[id], hold.instance != values["instance"] { takenOver.append(id) }
        holds[id]?.status = values["status"] ?? ""
        holds[id]?.instance = values["instance"] ?? ""
        let other = values["superseded_by"].flatMap { $0 == "null" ? nil : $0 }
        holds[id]?.supersededBy = other
        if let other { marked[other] = id }
      case ("onhand.hold_lines", .insert):
        let key = key(values["item"], values["location"])
        holds[values["hold_id"] ?? ""]?.lines[key] = values["quantity"].flatMap { Int($0) }
      default: break
      }
    }
    for id in inserted { holds[id]?.replaces = marked[id] }
    if knowsOrder {
      for (index, id) in inserted.enumerated() {
        look(id, behind: Set(inserted[(index + 1)...]), end)
      }
      for id in takenOver { refused.remove(id) }
      for id in takenOver where !fitted.contains(id) {
        // As it stands: nothing that it was to replace is left out.
        holds[id]?.replaces = nil
        look(id, behind: [], end, isTakenOver: true)
      }
    } else {
      lookAtSums(end)
    }
  }

  /// Where it is not known in which order an instance decided: what it has promised by now, all together.
  private mutating func lookAtSums(_ end: UInt64) {
    for (key, there) in stock {
      let promised = holds.filter { other, row in
        isActive(row) && row.lines[key] != nil && isPromised(other, end)
          && !(row.supersededBy.map { isPromised($0, end) } ?? false)
      }
      let units = promised.values.reduce(0) { $0 + ($1.lines[key] ?? 0) }
      guard units > there else { continue }
      findings.append("\(end): \(units) promised of \(there) at \(key)")
      suspects.formUnion(promised.keys)
    }
  }

  private var marked: [String: String] = [:]
  /// By key or reference, who came with it. One that was to be replaced by a hold that was refused has its reference again.
  private var claims: [String: [String]] = [:]

  private mutating func claim(_ values: [String: String], _ id: String) {
    for name in ["idempotency_key", "reference"] {
      guard let text = values[name], text != "null" else { continue }
      let others = claims["\(name) \(text)", default: []].compactMap { holds[$0] }
      let isTaken = others.contains {
        name == "reference" ? isActive($0) && $0.supersededBy == nil : $0.status != "rejected"
      }
      if isTaken { holds[id]?.hasRival = true }
      claims["\(name) \(text)", default: []].append(id)
    }
  }

  private func key(_ item: String?, _ location: String?) -> String {
    "\(item ?? "?") \(location ?? "?")"
  }

  private func isActive(_ hold: Hold) -> Bool {
    hold.status == "held" || hold.status == "confirmed"
  }

  private func units(_ key: String, where counts: (String, Hold) -> Bool) -> Int {
    holds.filter { isActive($0.value) && counts($0.key, $0.value) }
      .map { $0.value.lines[key] ?? 0 }.reduce(0, +)
  }

  private func isPromised(_ id: String, _ end: UInt64) -> Bool {
    told[id].map { $0 <= end } ?? false
  }

  private func hasRefused(_ id: String) -> Bool { rejected.contains(id) || refused.contains(id) }

  private mutating func look(
    _ id: String, behind: Set<String>, _ end: UInt64, isTakenOver: Bool = false
  ) {
    guard let hold = holds[id] else { return }
    // Whoever makes it its own may be killed, and the next one tells it.
    let isTold = told[id].map { !isTakenOver || $0 <= end } ?? false
    let old = hold.replaces.flatMap { holds[$0] }
    let raised = hold.lines.filter { $0.value > old?.lines[$0.key] ?? 0 }.keys
    // The rule itself, with nothing of the program's but who inserted what.
    let fits = raised.allSatisfy { key in
      let taken = units(key) { other, row in
        !behind.contains(other)
          && !(hasRefused(other) && row.instance == hold.instance && other != id)
      }
      return (stock[key] ?? 0) - taken + (old?.lines[key] ?? 0) >= 0
    }
    let isBesideUnmarked = holds.contains { other, row in
      other != id && refused.contains(other) && !rejected.contains(other)
        && row.instance == hold.instance && isActive(row)
        && row.lines.keys.contains(where: raised.contains)
    }
    besideUnmarked += isBesideUnmarked ? 1 : 0
    if fits { fitted.insert(id) }
    if !isTakenOver, !fits || hold.hasRival && told[id] == nil { refused.insert(id) }
    if !fits, !isTakenOver, adopted.contains(id), !rejected.contains(id) { return }
    if isTold {
      for key in raised {
        let promised = units(key) { other, row in
          isPromised(other, end) && !behind.contains(other)
            && !(row.supersededBy.map { isPromised($0, end) && !behind.contains($0) } ?? false)
        }
        if let there = stock[key], promised > there {
          findings.append("\(id): \(promised) promised of \(there) at \(key)")
          suspects.insert(id)
        }
      }
      if rejected.contains(id) { findings.append("\(id) was promised and rejected") }
    }
    guard isTold || rejected.contains(id) else { return }
    guard !hold.hasRival || isTold else { return }
    verdicts += 1
    rejections += rejected.contains(id) ? 1 : 0
    if fits == rejected.contains(id) {
      findings.append("\(id) was \(fits ? "rejected and fits" : "granted and does not fit")")
      suspects.insert(id)
    }
  }
}

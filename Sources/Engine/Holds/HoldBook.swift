/// What one instance knows of its own holds beyond what the views tell: what is in flight, and what it has refused.
///
/// The rule: only the instance that inserted a hold decides it, once the hold's transaction has come back in the log and the
/// views are as of its end. It is granted if every key whose units it raises is at or above zero in the **ledger**: available
/// in the view, plus the units of this instance's refused holds whose rows still say `held`. Rows of other instances count as
/// they stand. Inside one transaction, which commits in one moment, the order of the rows decides: those behind do not
/// count yet. So whatever is granted is counted by everybody who decides later, and nothing is granted that does not fit
/// beside all that could be.
///
/// A hold whose instance is gone, or slow, can be **adopted**: its row is given another `instance`, which decides it where that
/// comes in the log. Until there nobody may say that it is granted, and from there the first instance counts it like any other's,
/// also if it had refused it. So no two answers about one hold can contradict each other.
///
/// A value: the owner brings events in the order of the log and has a lock around it.
package struct HoldBook: Sendable {
  package enum Admission: Sendable {
    case admitted
    /// In the order of the claim's lines.
    case short([HoldShortage])
  }

  package struct Verdict: Sendable, Hashable {
    package let id: HoldID
    package let isGranted: Bool
    /// Where it is not: the lines that did not fit, none of them if it had a rival.
    package var shortages: [HoldShortage] = []
  }

  /// Sent or about to be, and not decided.
  private var inFlight: [HoldID: HoldClaim] = [:]
  /// By key, what those in flight raise.
  private var inFlightUnits = HoldTally()
  /// Come back in the log, in its order, to be decided at the end of the step.
  private var arrived: [HoldID] = []
  /// Decided against, while their rows say `held`.
  private var refused: [HoldID: HoldClaim] = [:]
  private var refusedUnits = HoldTally()
  /// Of the refused, those whose rows say otherwise in the step at hand: the views that readers see count them still.
  private var leaving: Set<HoldID> = []
  /// Rows of other instances that are about to become ours.
  private var adopting: [HoldID: HoldClaim] = [:]
  /// Decided for, while their rows say `held`.
  private var granted: Set<HoldID> = []
  /// The same in a step that is not visible yet.
  private var granting: Set<HoldID> = []

  package init() {}

  // MARK: Taking

  /// Takes a claim into account, unless it is known not to fit: then it costs the database nothing.
  ///
  /// - Parameter available: by line, as the view shows it; nil for a key that it does not have.
  package mutating func admit(_ id: HoldID, _ claim: HoldClaim, available: [Int64?]) -> Admission {
    var shortages: [HoldShortage] = []
    for (index, line) in claim.lines.enumerated() {
      let raise = claim.raise(line)
      guard raise > 0 else { continue }
      let left = left(line.key, available[index])
      guard left < raise else { continue }
      shortages.append(
        HoldShortage(
          line: index, requested: line.units,
          available: max(0, left) + (line.units - raise)))
    }
    guard shortages.isEmpty else { return .short(shortages) }
    launch(id, claim)
    return .admitted
  }

  private mutating func launch(_ id: HoldID, _ claim: HoldClaim) {
    inFlight[id] = claim
    for line in claim.lines { inFlightUnits.add(claim.raise(line), to: line.key) }
  }

  /// What could be had of a key now: in the view, less what is in flight, plus what is refused but held still.
  package func left(_ key: HoldKey, _ available: Int64?) -> Int64 {
    (available ?? 0) - inFlightUnits[key] + refusedUnits[key]
  }

  /// What of a key is in flight, and refused but held still.
  package func units(of key: HoldKey) -> (inFlight: Int64, refused: Int64) {
    (inFlightUnits[key], refusedUnits[key])
  }

  /// A claim came to nothing: its row was never written.
  package mutating func drop(_ id: HoldID) {
    adopting[id] = nil
    guard let claim = inFlight.removeValue(forKey: id) else { return }
    for line in claim.lines { inFlightUnits.add(-claim.raise(line), to: line.key) }
  }

  // MARK: What the log says

  /// A hold's row was inserted.
  ///
  /// - Returns: whether it is to be decided here, so that the step must end with its transaction.
  package mutating func inserted(_ id: HoldID) -> Bool {
    guard inFlight[id] != nil else { return false }
    arrived.append(id)
    return true
  }

  /// The row of another instance's hold is about to be made ours; the views count it already.
  package mutating func adopt(_ id: HoldID, _ claim: HoldClaim) { adopting[id] = claim }

  /// A row that was another instance's is ours now.
  ///
  /// - Returns: whether it is to be decided here, so that the step must end with its transaction.
  package mutating func adopted(_ id: HoldID) -> Bool {
    guard adopting[id] != nil else { return false }
    arrived.append(id)
    return true
  }

  /// A hold's row does not say `held` any more, is gone, or has become another instance's.
  package mutating func ended(_ id: HoldID) {
    granted.remove(id)
    granting.remove(id)
    if refused[id] != nil { leaving.insert(id) }
  }

  /// The views were read anew: the log between is not seen, and rows tell no order.
  ///
  /// Those in flight whose rows are there are decided like rows of one transaction, since all rows that could ever be
  /// granted are counted by now.
  ///
  /// - Parameter standing: of a hold's row in the snapshot; nil if there is none.
  /// - Returns: those whose rows have come and ended meanwhile, undecided, or that others have adopted; and what was about
  ///   to be adopted here.
  package mutating func restarted(standing: (HoldID) -> SnapshotStanding?) -> [HoldID] {
    arrived = inFlight.keys.filter { standing($0) == .held }.sorted()
    leaving = Set(refused.keys.filter { standing($0) != .held })
    // A step that did not become visible is in the snapshot.
    granted = granted.union(granting).filter {
      standing($0) == .held || standing($0) == .heldByOther
    }
    granting = []
    for id in arrived {
      // What it replaces may have ended in what was not seen; its units are in the views then.
      guard let claim = inFlight[id], let old = claim.replaces,
        standing(old) == nil
          || standing(old) == .ended
      else { continue }
      drop(id)
      launch(id, claim.replacingNothing)
    }
    let over =
      inFlight.keys.filter { standing($0) == .ended || standing($0) == .heldByOther }.sorted()
      + adopting.keys.sorted()
    for id in over { drop(id) }
    return over
  }

  /// What a snapshot says of a hold.
  package enum SnapshotStanding: Sendable {
    case held
    /// Another instance has adopted it, or has had it from the first.
    case heldByOther
    case ended
  }

  /// Decides what has arrived. To be called when the step's rows are in the views, before anybody sees them.
  ///
  /// - Parameters:
  ///   - available: as of the end of the step; nil for a key that the view does not have.
  ///   - isRival: whether a hold must be refused whatever is there, as another has its idempotency key or reference.
  package mutating func judge(
    available: (HoldKey) -> Int64?, isRival: (HoldID) -> Bool = { _ in false }
  )
    -> [Verdict]
  {
    guard !arrived.isEmpty else { return [] }
    var behind = HoldTally()
    for id in arrived {
      for line in claim(of: id)?.lines ?? [] { behind.add(line.units, to: line.key) }
    }
    for id in leaving {
      for line in refused[id]?.lines ?? [] { behind.add(-line.units, to: line.key) }
    }
    var verdicts: [Verdict] = []
    for id in arrived {
      guard let claim = claim(of: id) else { continue }
      let isAdopted = inFlight[id] == nil
      for line in claim.lines { behind.add(-line.units, to: line.key) }
      let shortages = shortages(of: claim, beside: behind, available)
      let isGranted = shortages.isEmpty && !isRival(id)
      drop(id)
      // One that is not granted may have been, by whom it was taken from: it goes on to count.
      if isGranted || !isAdopted { settle(id, claim, isGranted) }
      verdicts.append(Verdict(id: id, isGranted: isGranted, shortages: shortages))
    }
    arrived.removeAll(keepingCapacity: true)
    return verdicts
  }

  private func claim(of id: HoldID) -> HoldClaim? { inFlight[id] ?? adopting[id] }

  /// - Parameter behind: what the views count and is not to be counted yet.
  private func shortages(
    of claim: HoldClaim, beside behind: HoldTally, _ available: (HoldKey) -> Int64?
  ) -> [HoldShortage] {
    claim.lines.indices.compactMap { index in
      let line = claim.lines[index]
      guard claim.raise(line) > 0 else { return nil }
      let discount = claim.replaced[line.key] ?? 0
      let ledger = available(line.key).map {
        $0 + refusedUnits[line.key] + behind[line.key] + discount
      }
      if let ledger, ledger >= 0 { return nil }
      return HoldShortage(
        line: index, requested: line.units, available: max(0, (ledger ?? -line.units) + line.units))
    }
  }

  private mutating func settle(_ id: HoldID, _ claim: HoldClaim, _ isGranted: Bool) {
    guard !isGranted else {
      granting.insert(id)
      return
    }
    refused[id] = claim
    for line in claim.lines { refusedUnits.add(line.units, to: line.key) }
  }

  /// The step is visible: what left in it is in the views now, and what was granted can be told.
  package mutating func stepIsVisible() {
    granted.formUnion(granting)
    granting.removeAll(keepingCapacity: true)
    for id in leaving {
      guard let claim = refused.removeValue(forKey: id) else { continue }
      for line in claim.lines { refusedUnits.add(-line.units, to: line.key) }
    }
    leaving.removeAll(keepingCapacity: true)
  }

  // MARK: Asking

  package enum Standing: Sendable {
    case undecided
    /// Granted in a step that readers do not see yet.
    case granting
    case granted, refused
    /// Another instance's, or from before this process.
    case unknown
  }

  package func standing(of id: HoldID) -> Standing {
    if claim(of: id) != nil { return .undecided }
    if granting.contains(id) { return .granting }
    if granted.contains(id) { return .granted }
    return refused[id] == nil ? .unknown : .refused
  }

  /// What a refused hold was to replace.
  package func replaced(by id: HoldID) -> HoldID? { refused[id]?.replaces }

  /// What is to be judged at the end of the step.
  package var arrivals: [HoldID] { arrived }
  package var inFlightCount: Int { inFlight.count }
  /// Refused holds whose rows are still to be marked so.
  package var refusedIDs: [HoldID] { refused.keys.filter { !leaving.contains($0) } }
}

/// Units by key; a key with none takes no memory.
struct HoldTally: Sendable {
  private var units: [HoldKey: Int64] = [:]

  subscript(key: HoldKey) -> Int64 { units[key] ?? 0 }

  mutating func add(_ amount: Int64, to key: HoldKey) {
    guard amount != 0 else { return }
    let sum = (units[key] ?? 0) + amount
    units[key] = sum == 0 ? nil : sum
  }
}

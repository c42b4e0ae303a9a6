@testable import Engine

/// Goes through the log by itself, with nothing of the rules but what a shop would say: never promise what is not there.
struct HoldAuditor {
  /// What is wrong with a run, in words; none if nothing is.
  ///
  /// Each promise is looked at where it was made, beside all that were made up to there, whoever made them; those
  /// that one instance made of the same transaction afterwards are left out. One made of an old row further on, after an
  /// adoption or a snapshot, is looked at there.
  static func oversold(_ run: HoldSimulation, stock: [Int64]) -> [String] {
    found(run, stock) { database, decision, id, row in
      guard decision.isGranted else { return nil }
      for line in row.claim.lines where row.claim.raise(line) > 0 {
        let key = Int(line.key.bytes[0])
        let left = database.stock[key] - promised(key, besides: decision, database, run)
        if left < 0 { return "\(id): key \(key) is at \(left)" }
      }
      return nil
    }
  }

  /// Promises that were taken back.
  static func revoked(_ run: HoldSimulation) -> [String] {
    run.log.joined().compactMap { event in
      guard case .status(let id, .rejected) = event, run.isPromised(id) else { return nil }
      return "\(id) was promised and is rejected"
    }
  }

  /// Holds that were confirmed or settled without ever having been promised by then.
  static func takenUnasked(_ run: HoldSimulation) -> [String] {
    run.log.enumerated().flatMap { index, events in
      events.compactMap { event in
        guard case .status(let id, let status) = event, status == .confirmed || status == .settled,
          run.decisions[id].map({ !$0.isGranted || $0.position > index }) ?? true
        else { return nil }
        return "\(id) is \(status.rawValue) and was not promised"
      }
    }
  }

  /// For one instance without crashes and replacements: what was refused by the log would not have fitted.
  static func refusedInVain(_ run: HoldSimulation, stock: [Int64]) -> [String] {
    found(run, stock) { database, decision, id, row in
      guard !decision.isGranted else { return nil }
      let fits = row.claim.lines.allSatisfy { line in
        let key = Int(line.key.bytes[0])
        return database.stock[key] - promised(key, besides: decision, database, run) >= line.units
      }
      return fits ? "\(id) would have fitted" : nil
    }
  }

  private static func found(
    _ run: HoldSimulation, _ stock: [Int64],
    _ look: (HoldSimulation.Database, HoldSimulation.Decision, HoldID, HoldSimulation.Row) ->
      String?
  ) -> [String] {
    var database = HoldSimulation.Database(stock: stock)
    let byPosition = Dictionary(grouping: run.decisions, by: \.value.position)
    return run.log.indices.flatMap { index in
      for event in run.log[index] { database.apply(event) }
      return (byPosition[index + 1] ?? []).compactMap { id, decision in
        database.rows[id].flatMap { look(database, decision, id, $0) }
      }
    }
  }

  /// Units of all that was promised, is active and was not decided by the same instance afterwards.
  private static func promised(
    _ key: Int, besides decision: HoldSimulation.Decision, _ database: HoldSimulation.Database,
    _ run: HoldSimulation
  ) -> Int64 {
    func counts(_ id: HoldID) -> Bool {
      guard let other = run.decisions[id], other.isGranted, other.position <= decision.position
      else { return false }
      return other.position != decision.position || other.instance != decision.instance
        || other.ordinal <= decision.ordinal
    }
    return database.rows.filter { id, row in
      row.status.isActive && counts(id) && !(row.supersededBy.map(counts) ?? false)
    }.map { $0.value.claim.units(of: key) }.reduce(0, +)
  }
}

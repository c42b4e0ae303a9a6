import Capture
import Engine

extension HoldDesk {
  /// Confirms, settles, releases or extends a caller's hold.
  ///
  /// - Parameter ttl: how long it is to last from now; for ``HoldAction/extend`` only.
  package func change(
    _ action: HoldAction, _ id: HoldID, caller: String, ttl: Duration, ticket: HoldTicket
  ) {
    switch state.withLock({ $0.book.standing(of: id) }) {
    case .undecided, .refused: return ticket.resolve(.failed(.inFlight))
    case .granted, .unknown: break
    }
    let isPosted = changeLane.post { lane in
      ticket.resolve(self.change(action, id, caller, ttl, lane))
    }
    if !isPosted { ticket.resolve(.failed(.tooMany)) }
  }

  private func change(
    _ action: HoldAction, _ id: HoldID, _ caller: String, _ ttl: Duration, _ lane: HoldLane
  ) -> HoldOutcome {
    do throws(PostgresError) {
      let rows: [[String?]]
      switch action {
      case .confirm, .settle, .release:
        let from = HoldStatus.allCases.filter {
          HoldTransition(action, of: $0, isOverdue: false, isSuperseded: false) == .change
        }
        rows = try lane.query(
          .change,
          [
            id.description, caller, action.target.rawValue,
            HoldBatch.array(from.map(\.rawValue)),
          ])
      case .extend:
        rows = try lane.query(.extend, [id.description, caller, String(ttl.microseconds)])
      }
      if !rows.isEmpty { count(action) }
      let found = try lane.query(readings.byID, [id.description, caller]).first.flatMap(
        HoldDocument.init)
      guard let found else { return .failed(.unknownHold) }
      guard rows.isEmpty else { return .hold(found, isNew: false, position: nil) }
      return Self.outcome(action, found)
    } catch { return .failed(.unreachable(error.description)) }
  }

  /// What to tell of an action that changed nothing.
  private static func outcome(_ action: HoldAction, _ found: HoldDocument) -> HoldOutcome {
    let transition = HoldTransition(
      action, of: found.status, isOverdue: found.isOverdue,
      isSuperseded: found.supersededBy != nil)
    switch transition {
    case .done: return .hold(found, isNew: false, position: nil)
    case .change: return .failed(.busy)
    case .conflict: return .failed(.conflict(found.status, since: found.endedAt))
    case .gone: return .failed(.expired(since: found.endedAt ?? found.expiresAt))
    case .replaced: return .failed(.replaced(by: found.supersededBy))
    }
  }

  private func count(_ action: HoldAction) {
    switch action {
    case .confirm: metrics.confirmed.add()
    case .settle: metrics.settled.add()
    case .release: metrics.released.add()
    case .extend: metrics.extended.add()
    }
  }

  // MARK: Reading

  /// Finds a caller's hold.
  package func find(_ id: HoldID, caller: String, ticket: HoldTicket) {
    read(ticket) { (desk, lane) throws(PostgresError) in
      let found = try lane.query(desk.readings.byID, [id.description, caller]).first
      guard let found = found.flatMap(HoldDocument.init) else { return .failed(.unknownHold) }
      return .hold(desk.shown(found), isNew: false, position: nil)
    }
  }

  /// Finds a caller's holds by their reference, the newest first, at most 100.
  package func find(reference: String, caller: String, ticket: HoldTicket) {
    read(ticket) { (desk, lane) throws(PostgresError) in
      let rows = try lane.query(desk.readings.byReference, [caller, reference])
      return .holds(rows.compactMap(HoldDocument.init).map(desk.shown))
    }
  }

  /// Tells what is behind the number of a key.
  ///
  /// - Parameter texts: of the key, in the order of the configuration.
  package func explain(_ key: HoldKey, _ texts: [String], ticket: HoldTicket) {
    let isPosted = explainLane.post { lane in
      let (columns, units) = self.state.withLock { ($0.keyColumns, $0.book.units(of: key)) }
      guard let columns else { return ticket.resolve(.failed(.tooMany)) }
      do throws(PostgresError) {
        let row = try lane.query(.explain(columns), texts).first ?? []
        ticket.resolve(
          .explained(
            HoldExplanation(
              holds: row.first.flatMap(\.self) ?? "[]",
              nextExpiry: row.dropFirst().first.flatMap(\.self) ?? "null",
              inFlight: units.inFlight, refused: units.refused)))
      } catch { ticket.resolve(.failed(.unreachable(error.description))) }
    }
    if !isPosted { ticket.resolve(.failed(.tooMany)) }
  }

  private func read(
    _ ticket: HoldTicket,
    _ body: @escaping @Sendable (HoldDesk, HoldLane) throws(PostgresError) -> HoldOutcome
  ) {
    let isPosted = readLane.post { lane in
      do throws(PostgresError) { ticket.resolve(try body(self, lane)) } catch {
        ticket.resolve(.failed(.unreachable(error.description)))
      }
    }
    if !isPosted { ticket.resolve(.failed(.tooMany)) }
  }

  /// A row that says `held` may be one that nobody has granted yet.
  private func shown(_ hold: HoldDocument) -> HoldDocument {
    var hold = hold
    switch certainty(of: hold) {
    case .certain: hold.isPending = false
    case .undecided: hold.isPending = true
    case .adoptable, .unknowable: hold.isPending = hold.age <= Self.undecidedAgeMax
    }
    return hold
  }
}

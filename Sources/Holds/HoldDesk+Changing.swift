import Capture
import Engine
import Runtime

extension HoldDesk {
  /// Confirms, settles, releases or extends a caller's hold.
  ///
  /// - Parameter ttl: how long it is to last from now; for ``HoldAction/extend`` only.
  package func change(
    _ action: HoldAction, _ id: HoldID, caller: String, ttl: Duration, ticket: HoldTicket
  ) {
    switch state.withLock({ $0.book.standing(of: id) }) {
    case .undecided, .refused: return ticket.resolve(.failed(.inFlight))
    case .granting, .granted, .unknown: break
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
          HoldTransition(
            action, of: $0, isOverdue: false, isSuperseded: false, isPending: false) == .change
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
      isSuperseded: found.supersededBy != nil, isPending: found.isMarked)
    switch transition {
    case .done: return .hold(found, isNew: false, position: nil)
    case .change: return .failed(.busy)
    case .conflict: return .failed(.conflict(found.status, since: found.endedAt))
    case .gone: return .failed(.expired(since: found.endedAt ?? found.expiresAt))
    case .replaced: return .failed(.replaced)
    case .undecided: return .failed(.inFlight)
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
      guard let found = found.flatMap(HoldDocument.init) else {
        return ticket.resolve(.failed(.unknownHold))
      }
      desk.show(found) { ticket.resolve(.hold($0, isNew: false, position: nil)) }
    }
  }

  /// Whoever asks by an id was told of it: after the verdict, or before and the row is marked.
  private func show(_ found: HoldDocument, _ goOn: @escaping @Sendable (HoldDocument) -> Void) {
    var pending = found
    pending.isPending = true
    let certainty = certainty(of: found)
    switch certainty {
    case .certain: goOn(found)
    case .undecided: goOn(pending)
    case .adoptable, .unknowable:
      guard found.isMarked else { return goOn(found) }
      decide(found, certainty) { [pending] isGranted in goOn(isGranted ? found : pending) }
    }
  }

  /// Finds a caller's holds by their reference, the newest first, at most 100: those that are decided, and those that the
  /// caller has been told of.
  package func find(reference: String, caller: String, ticket: HoldTicket) {
    read(ticket) { (desk, lane) throws(PostgresError) in
      let rows = try lane.query(desk.readings.byReference, [caller, reference])
      let found = rows.compactMap(HoldDocument.init).map { ($0, desk.certainty(of: $0)) }
      desk.list(found[...], []) { ticket.resolve(.holds($0)) }
    }
  }

  private func list(
    _ rest: ArraySlice<(HoldDocument, Certainty)>, _ listed: [HoldDocument],
    _ goOn: @escaping @Sendable ([HoldDocument]) -> Void
  ) {
    guard let (next, certainty) = rest.first else { return goOn(listed) }
    if case .certain = certainty { return list(rest.dropFirst(), listed + [next], goOn) }
    decide(next, certainty) { isGranted in
      var next = next
      next.isPending = !isGranted
      let isShown = isGranted || next.isMarked
      self.list(rest.dropFirst(), isShown ? listed + [next] : listed, goOn)
    }
  }

  /// Goes on with whether a hold may be told to be taken: another process's once it is old enough and this one has adopted it.
  private func decide(
    _ hold: HoldDocument, _ certainty: Certainty, _ goOn: @escaping @Sendable (Bool) -> Void
  ) {
    guard case .adoptable = certainty, hold.age > Self.undecidedAgeMax else {
      return goOn(false)
    }
    adopt(hold, orElse: { goOn(false) }, then: { goOn($0 != nil) })
  }

  /// Tells what is behind the number of a key.
  ///
  /// - Parameter texts: of the key, in the order of the configuration.
  package func explain(_ key: HoldKey, _ texts: [String], ticket: HoldTicket) {
    let isPosted = explainLane.post { lane in
      let (columns, units) = self.state.withLock { ($0.keyColumns, $0.book.units(of: key)) }
      guard let columns else { return ticket.resolve(.failed(.notReady)) }
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
    _ body: @escaping @Sendable (HoldDesk, HoldLane) throws(PostgresError) -> Void
  ) {
    let isPosted = readLane.post { lane in
      do throws(PostgresError) { try body(self, lane) } catch {
        ticket.resolve(.failed(.unreachable(error.description)))
      }
    }
    if !isPosted { ticket.resolve(.failed(.tooMany)) }
  }
}

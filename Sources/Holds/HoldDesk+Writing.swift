import Capture
import Engine

extension HoldDesk {
  /// How long a batch is tried again that may or may not have been committed.
  private static let doubtMax: Int64 = 30_000_000_000
  private static let retryDelay = Duration.milliseconds(100)

  func startWriting(_ number: Int?) {
    guard let number else { return }
    insertLanes[number].post { self.writeNext(number, $0) }
  }

  /// Writes what has gathered, until nothing is left. On an insert lane.
  private func writeNext(_ number: Int, _ lane: HoldLane) {
    let (drafts, columns) = state.withLock { state -> ([HoldDraft], HoldKeyColumns?) in
      let drafts = Array(state.queue.prefix(HoldBatch.holdsMax))
      state.queue.removeFirst(drafts.count)
      if drafts.isEmpty { state.idleLanes.append(number) }
      return (drafts, state.keyColumns)
    }
    guard !drafts.isEmpty, let columns else { return }
    write(drafts, columns, doubtedSince: nil, lane)
    // So that other work of the lane has its turn.
    lane.post { self.writeNext(number, $0) }
  }

  /// Commits drafts in one statement; where that fails, in halves, until the one to blame stands alone.
  ///
  /// - Parameter doubtedSince: since when it is not known whether they were committed already.
  private func write(
    _ drafts: [HoldDraft], _ columns: HoldKeyColumns, doubtedSince: Int64?, _ lane: HoldLane
  ) {
    do throws(PostgresError) {
      let rows = try lane.query(
        .insert(columns), HoldBatch(drafts: drafts).parameters(instance: instance))
      metrics.commits.add()
      noteWritten(rows)
      let written = Set(rows.compactMap { $0[0].flatMap { HoldID($0) } })
      let rest = drafts.filter { !written.contains($0.id) }
      if !rest.isEmpty { try noteWrittenBefore(rest, lane) }
    } catch {
      if error.isOfConnection {
        doubt(drafts, columns, error, since: doubtedSince, lane)
      } else if drafts.count > 1 {
        let half = drafts.count / 2
        write(Array(drafts[..<half]), columns, doubtedSince: doubtedSince, lane)
        write(Array(drafts[half...]), columns, doubtedSince: doubtedSince, lane)
      } else {
        fail(drafts[0].id, Self.failure(error))
      }
    }
  }

  /// Class 22 tells of values that can't be: the client's. The rest is the server's.
  private static func failure(_ error: PostgresError) -> HoldFailure {
    error.sqlState.hasPrefix("22")
      ? .unacceptable(error.message) : .unreachable(error.description)
  }

  /// Tries again until it is known: sent twice, a hold is written once.
  private func doubt(
    _ drafts: [HoldDraft], _ columns: HoldKeyColumns, _ error: PostgresError, since: Int64?,
    _ lane: HoldLane
  ) {
    logger.warning(
      "holds_not_written", metadata: ["reason": "\(error)", "holds": "\(drafts.count)"])
    // Without a connection nothing was sent.
    guard error.kind != .refusedConnection || since != nil else {
      for draft in drafts { fail(draft.id, .unreachable(error.description)) }
      return
    }
    let since = since ?? clock.monotonic
    guard clock.monotonic - since < Self.doubtMax, !stopFlag.isSet else {
      for draft in drafts { fail(draft.id, .unreachable(error.description)) }
      return
    }
    lane.pause(Self.retryDelay)
    write(drafts, columns, doubtedSince: since, lane)
  }

  private func noteWritten(_ rows: [[String?]]) {
    let done = state.withLock { state in
      rows.compactMap { row -> (HoldTicket, HoldOutcome)? in
        guard let id = row[0].flatMap({ HoldID($0) }) else { return nil }
        return noteWritten(id, row[1] ?? "", row[2] ?? "", &state)
      }
    }
    for (ticket, outcome) in done { ticket.resolve(outcome) }
  }

  private func noteWritten(
    _ id: HoldID, _ createdAt: String, _ expiresAt: String, _ state: inout State
  ) -> (HoldTicket, HoldOutcome)? {
    guard state.open[id] != nil else { return nil }
    if state.open[id]?.committed == nil, state.open[id]?.verdict == nil { committed(&state) }
    state.open[id]?.committed = (createdAt, expiresAt)
    if state.open[id]?.verdict?.isGranted == true { return grant(id, &state) }
    if case .wanted = state.marks[id] { startMarking(id, &state) }
    return nil
  }

  /// Finds out which of them an earlier try has written.
  private func noteWrittenBefore(_ drafts: [HoldDraft], _ lane: HoldLane) throws(PostgresError) {
    let rows = try lane.query(readings.byIDs, [HoldBatch.array(drafts.map(\.id.description))])
    let found = rows.compactMap(HoldDocument.init)
    noteWritten(found.map { [$0.id.description, $0.createdAt, $0.expiresAt] })
    for draft in drafts where !found.contains(where: { $0.id == draft.id }) {
      fail(draft.id, .unreachable("the hold was not written"))
    }
  }

  /// Writes one hold in place of another. On the change lane.
  func writeReplacing(_ draft: HoldDraft, _ lane: HoldLane) {
    guard let old = draft.replaces, let columns = state.withLock({ $0.keyColumns }) else { return }
    do throws(PostgresError) {
      let rows = try lane.query(
        .replace(columns),
        HoldBatch(drafts: [draft]).parameters(instance: instance) + [old.id.description])
      metrics.commits.add()
      guard rows.isEmpty else { return noteWritten(rows) }
      // It has ended, is replaced already or a shop has it locked.
      let now = try lane.query(readings.byID, [old.id.description, draft.caller]).first
        .flatMap(HoldDocument.init)
      if now?.supersededBy == draft.id {
        try noteWrittenBefore([draft], lane)
      } else {
        fail(draft.id, now?.status == .held && now?.supersededBy == nil ? .busy : .inFlight)
      }
    } catch {
      // Whether it was written the log will tell, if it was.
      if error.kind == .connection { return lookAgain(draft, lane) }
      fail(draft.id, Self.failure(error))
    }
  }

  private func lookAgain(_ draft: HoldDraft, _ lane: HoldLane) {
    lane.pause(Self.retryDelay)
    do throws(PostgresError) { try noteWrittenBefore([draft], lane) } catch {
      fail(draft.id, .unreachable(error.description))
    }
  }

  // MARK: Verdicts

  /// Ends a granted hold that is committed: the last of the two that were waited for has come.
  func grant(_ id: HoldID, _ state: inout State) -> (HoldTicket, HoldOutcome)? {
    var isMarked = false
    if case .written = state.marks[id] { isMarked = true }
    guard let open = close(id, &state), let committed = open.committed else { return nil }
    if let old = open.draft.replaces {
      state.releases.append((old: old.id, new: id))
      changeLane.post { self.releaseReplaced($0) }
    }
    let document = open.draft.document(
      instance: instance, createdAt: committed.createdAt, expiresAt: committed.expiresAt)
    let outcome = HoldOutcome.hold(document, isNew: true, position: open.position)
    guard isMarked else { return (open.ticket, outcome) }
    unmark(id, &state) { open.ticket.resolve(outcome) }
    return nil
  }

  /// Marks refused holds so, then tells. On the change lane.
  func rejectRefused(_ lane: HoldLane) {
    let (plain, replacing) = state.withLock { state in
      let ids = state.book.refusedIDs.prefix(HoldBatch.holdsMax)
      let pairs = ids.map { ($0, state.book.replaced(by: $0)) }
      return (pairs.filter { $0.1 == nil }.map(\.0), pairs.filter { $0.1 != nil })
    }
    do throws(PostgresError) {
      var rows: [[String?]] = []
      if !plain.isEmpty {
        rows = try lane.query(
          .reject, [HoldBatch.array(plain.map(\.description)), instance.description])
      }
      for (id, old) in replacing {
        rows += try lane.query(
          .rejectReplacing, [id.description, instance.description, old?.description])
      }
      for row in rows { if let id = row[0].flatMap({ HoldID($0) }) { rejected(id) } }
    } catch {
      logger.warning("holds_not_rejected", metadata: ["reason": "\(error)"])
    }
  }

  /// A refused hold's row says so: the client is told, or it is tried once more with what is left.
  func rejected(_ id: HoldID) {
    let (open, again) = state.withLock { state -> (Open?, HoldDraft?) in
      guard state.open[id]?.verdict?.isGranted == false, let open = close(id, &state) else {
        return (nil, nil)
      }
      guard let draft = secondTry(open) else { return (open, nil) }
      // Unbounded: the log decides.
      let enough = draft.claim.lines.map { _ in Optional(Int64.max / 4) }
      guard case .admitted = state.book.admit(draft.id, draft.claim, available: enough) else {
        return (open, nil)
      }
      return (open, draft)
    }
    guard let open else { return }
    guard let again else {
      let taken = open.draft.lines.filter { $0.quantity > 0 }
      let short = (open.verdict?.shortages ?? []).map { taken[$0.line].short($0.available) }
      return open.ticket.resolve(short.isEmpty ? .failed(.inFlight) : .short(short))
    }
    open.ticket.set(hold: again.id)
    startWriting(state.withLock { self.open(again, open.ticket, &$0) })
  }

  private func secondTry(_ open: Open) -> HoldDraft? {
    // Whoever was told that the first was pending would never hear of a second.
    guard open.draft.allowsPartial, !open.draft.isSecondTry, open.ticket.outcome == nil,
      let verdict = open.verdict, !verdict.shortages.isEmpty
    else { return nil }
    var draft = open.draft
    var random = SystemRandomNumberGenerator()
    draft.id = HoldID(from: &random)
    draft.isSecondTry = true
    let taken = draft.lines.indices.filter { draft.lines[$0].quantity > 0 }
    for shortage in verdict.shortages {
      draft.lines[taken[shortage.line]].quantity = min(shortage.requested, shortage.available)
    }
    return draft.units > 0 ? draft : nil
  }

  /// Releases what granted holds have taken the place of. On the change lane.
  func releaseReplaced(_ lane: HoldLane) {
    let releases = state.withLock { state in
      defer { state.releases = [] }
      return state.releases
    }
    for (index, release) in releases.enumerated() {
      do throws(PostgresError) {
        let left = try lane.query(
          .releaseReplaced, [release.old.description, release.new.description])
        // Locked: by expiry, perhaps, or by somebody who looks.
        if !left.isEmpty { state.withLock { $0.releases.append(release) } }
      } catch {
        logger.warning("hold_not_released", metadata: ["reason": "\(error)"])
        return state.withLock { $0.releases += releases[index...] }
      }
    }
  }
}

extension HoldDraft {
  func document(instance: HoldID, createdAt: String, expiresAt: String) -> HoldDocument {
    HoldDocument(
      id: id, status: .held, caller: caller, reference: reference, digest: digest,
      instance: instance, supersededBy: nil, createdAt: createdAt, expiresAt: expiresAt,
      metadata: metadata,
      lines: lines.map {
        HoldDocument.Line(
          keyMembers: $0.keyMembers, keyTexts: $0.keyTexts, requested: $0.requested,
          quantity: $0.quantity)
      })
  }
}

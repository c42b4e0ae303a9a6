import Capture
import Engine

extension HoldDesk {
  /// Where a request goes on.
  private enum Step {
    case ended(HoldOutcome)
    /// It is in the queue.
    case writes(starting: Int?)
    case looksUpKey
    case looksUpReference
  }

  /// What of the draft was looked up already.
  private struct Known {
    var key = false
    var reference = false
  }

  /// Takes a hold, sooner or later: the ticket is resolved with what became of it.
  ///
  /// - Parameter available: by line, as the views show it to the reader that asks; nil for a key that they do not have.
  package func take(_ draft: HoldDraft, available: [Int64?], ticket: HoldTicket) {
    take(draft, available, ticket, Known())
  }

  private func take(
    _ draft: HoldDraft, _ available: [Int64?], _ ticket: HoldTicket, _ known: Known
  ) {
    var draft = draft
    let step = state.withLock { begin(&draft, available, ticket, known, &$0) }
    switch step {
    case .ended(let outcome): ticket.resolve(outcome)
    case .writes(let lane):
      ticket.set(hold: draft.id)
      startWriting(lane)
    case .looksUpKey, .looksUpReference:
      let draft = draft
      let isPosted = readLane.post { lane in
        if case .looksUpKey = step {
          self.lookUpKey(draft, available, ticket, known, lane)
        } else {
          self.lookUpReference(draft, available, ticket, known, lane)
        }
      }
      if !isPosted { ticket.resolve(.failed(.tooMany)) }
    }
  }

  private func begin(
    _ draft: inout HoldDraft, _ available: [Int64?], _ ticket: HoldTicket, _ known: Known,
    _ state: inout State
  ) -> Step {
    if let failure = precheck(draft, &state) { return .ended(.failed(failure)) }
    if !known.key, let key = draft.idempotencyKey,
      state.index.hold(caller: draft.caller, idempotencyKey: key) != nil
    {
      return .looksUpKey
    }
    if !known.reference, let reference = draft.reference,
      state.index.hold(caller: draft.caller, reference: reference) != nil
    {
      return .looksUpReference
    }
    if let limit = exceeded(draft, &state) {
      metrics.limited.add()
      return .ended(.failed(.limit(limit)))
    }
    return admit(&draft, available, ticket, &state)
  }

  private func precheck(_ draft: HoldDraft, _ state: inout State) -> HoldFailure? {
    if let lag = lagSeconds(state) { return .lagging(lag) }
    guard state.keyColumns != nil else { return .notReady }
    guard state.open.count < Self.openMax else { return .tooMany }
    if let key = draft.idempotencyKey,
      state.keysInFlight.contains(OwnedText(caller: draft.caller, text: key))
    {
      return .inFlight
    }
    if let reference = draft.reference,
      state.referencesInFlight.contains(OwnedText(caller: draft.caller, text: reference))
    {
      return .inFlight
    }
    return nil
  }

  private func exceeded(_ draft: HoldDraft, _ state: inout State) -> HoldLimit? {
    let usage = state.index.usage(of: draft.caller)
    let inFlight = state.usageInFlight[draft.caller] ?? HoldIndex.Usage()
    // What is replaced is one less.
    let holds = usage.holds + inFlight.holds - (draft.replaces == nil ? 0 : 1)
    if let max = configuration.activeMax, holds >= max { return .active(max) }
    let units = usage.units + inFlight.units + draft.units - (draft.replaces?.units ?? 0)
    if let max = configuration.unitsMax, units > Int64(max) { return .units(max) }
    guard let rate = configuration.perSecondMax else { return nil }
    let now = clock.monotonic
    return state.rates[draft.caller, default: TokenBucket(rate: rate, now: now)]
      .take(rate: rate, now: now) ? nil : .rate(rate)
  }

  private func admit(
    _ draft: inout HoldDraft, _ available: [Int64?], _ ticket: HoldTicket, _ state: inout State
  ) -> Step {
    if draft.allowsPartial { reduce(&draft, available, state) }
    let taken = draft.lines.indices.filter { draft.lines[$0].quantity > 0 }
    guard !taken.isEmpty else {
      metrics.refusedAtOnce.add()
      return .ended(.short(draft.lines.map { $0.short(0) }))
    }
    switch state.book.admit(draft.id, draft.claim, available: taken.map { available[$0] }) {
    case .short(let shortages):
      metrics.refusedAtOnce.add()
      return .ended(
        .short(shortages.map { draft.lines[taken[$0.line]].short($0.available) }))
    case .admitted:
      return .writes(starting: open(draft, ticket, &state))
    }
  }

  /// Takes of each line what is there.
  private func reduce(_ draft: inout HoldDraft, _ available: [Int64?], _ state: State) {
    let replaced = draft.claim.replaced
    for index in draft.lines.indices {
      let line = draft.lines[index]
      let left = state.book.left(line.key, available[index]) + (replaced[line.key] ?? 0)
      draft.lines[index].quantity = max(0, min(line.requested, left))
    }
  }

  /// - Returns: the insert lane that is to be started, if one has nothing to do.
  func open(_ draft: HoldDraft, _ ticket: HoldTicket, _ state: inout State) -> Int? {
    state.open[draft.id] = Open(draft: draft, ticket: ticket)
    if let key = draft.idempotencyKey {
      state.keysInFlight.insert(OwnedText(caller: draft.caller, text: key))
    }
    if let reference = draft.reference {
      state.referencesInFlight.insert(OwnedText(caller: draft.caller, text: reference))
    }
    var usage = state.usageInFlight[draft.caller] ?? HoldIndex.Usage()
    usage.holds += 1
    usage.units += draft.units
    state.usageInFlight[draft.caller] = usage
    guard draft.replaces == nil else {
      // The old one's row is locked, which is not for the lane of inserts.
      changeLane.post { self.writeReplacing(draft, $0) }
      return nil
    }
    state.queue.append(draft)
    return state.idleLanes.popLast()
  }

  // MARK: Looking up

  private func lookUpKey(
    _ draft: HoldDraft, _ available: [Int64?], _ ticket: HoldTicket, _ known: Known,
    _ lane: HoldLane
  ) {
    do throws(PostgresError) {
      let rows = try lane.query(readings.byIdempotencyKey, [draft.caller, draft.idempotencyKey])
      guard let found = rows.first.flatMap(HoldDocument.init) else {
        var known = known
        known.key = true
        return take(draft, available, ticket, known)
      }
      replay(found, draft, ticket)
    } catch { ticket.resolve(.failed(.unreachable(error.description))) }
  }

  /// Answers a key that was used before.
  private func replay(_ found: HoldDocument, _ draft: HoldDraft, _ ticket: HoldTicket) {
    guard found.digest == draft.digest else { return ticket.resolve(.failed(.keyReused)) }
    switch certainty(of: found) {
    case .certain: ticket.resolve(.hold(found, isNew: false, position: nil))
    case .undecided: ticket.resolve(.failed(.inFlight))
    case .adoptable where found.age <= Self.undecidedAgeMax:
      // Who took it may tell any moment.
      ticket.resolve(.failed(.inFlight))
    case .adoptable:
      adopt(
        found, orElse: { ticket.resolve(.failed(.inFlight)) },
        then: { position in
          ticket.resolve(
            position == nil
              ? .failed(.undecided) : .hold(found, isNew: false, position: position))
        })
    case .unknowable:
      ticket.resolve(.failed(found.age <= Self.undecidedAgeMax ? .inFlight : .undecided))
    }
  }

  enum Certainty: Sendable {
    case certain
    case undecided
    /// Another process took it; nothing that it touches is below zero.
    case adoptable
    /// Another process took it, and what it touches is short.
    case unknowable
  }

  /// Whether a hold may be told to be taken. On the read lane only.
  func certainty(of hold: HoldDocument) -> Certainty {
    guard hold.status == .held, hold.supersededBy == nil else { return .certain }
    switch state.withLock({ $0.book.standing(of: hold.id) }) {
    // The mark is about to go.
    case .granted: return hold.isMarked ? .undecided : .certain
    // Readers would miss it where they are told to look.
    case .undecided, .granting, .refused: return .undecided
    case .unknown: return isNowhereShort(hold) ? .adoptable : .unknowable
    }
  }

  /// Makes another process's hold ours, and goes on once the log has decided and the hold's row does not say otherwise.
  ///
  /// - Parameter orElse: is run where somebody is at it already, or the hold is of other keys than the view.
  func adopt(
    _ hold: HoldDocument, orElse: @Sendable () -> Void, then goOn: @escaping Adoption
  ) {
    var hold = hold
    hold.findKeys(availabilityReader(store.gate.visible.views))
    let lines = hold.lines.compactMap { line in
      line.key.map { HoldUnits(key: $0, units: line.quantity) }
    }
    let isFirst = state.withLock { state in
      guard lines.count == hold.lines.count, state.book.standing(of: hold.id) == .unknown else {
        return false
      }
      state.adoptions[hold.id] = hold.isMarked ? unmarking(hold.id, goOn) : goOn
      state.book.adopt(hold.id, HoldClaim(lines: lines))
      return true
    }
    guard isFirst else { return orElse() }
    let id = hold.id
    let isPosted = changeLane.post { lane in
      do throws(PostgresError) {
        let rows = try lane.query(.adopt, [id.description, self.instance.description])
        if rows.isEmpty { self.fail(id, .busy) }
      } catch { self.fail(id, .unreachable(error.description)) }
    }
    if !isPosted { fail(id, .tooMany) }
  }

  private func unmarking(_ id: HoldID, _ goOn: @escaping Adoption) -> Adoption {
    { position in
      guard position != nil else { return goOn(nil) }
      self.state.withLock { self.unmark(id, &$0) { goOn(position) } }
    }
  }

  /// Whether nothing that the hold touches is below zero, all that is held counted.
  private func isNowhereShort(_ hold: HoldDocument) -> Bool {
    let visible = store.gate.enter(configuration.reader)
    defer { store.gate.leave(configuration.reader) }
    guard let reader = availabilityReader(visible.views) else { return false }
    let keys = KeyReader()
    return hold.lines.filter { $0.quantity > 0 }.allSatisfy { line in
      guard let key = keys.holdKey(line.keyTexts, reader),
        let units = reader.units(of: key, at: visible.sequence)
      else { return false }
      return units >= 0
    }
  }

  private func lookUpReference(
    _ draft: HoldDraft, _ available: [Int64?], _ ticket: HoldTicket, _ known: Known,
    _ lane: HoldLane
  ) {
    var (draft, known) = (draft, known)
    known.reference = true
    do throws(PostgresError) {
      let rows = try lane.query(readings.byReference, [draft.caller, draft.reference])
      let active = rows.compactMap(HoldDocument.init).first {
        $0.status.isActive && $0.supersededBy == nil && !$0.isOverdue
      }
      guard var old = active else { return take(draft, available, ticket, known) }
      guard old.status == .held else {
        return ticket.resolve(.failed(.referenceConfirmed(old.id)))
      }
      old.findKeys(availabilityReader(store.gate.visible.views))
      draft.replaces = old
      let (replacing, nowKnown) = (draft, known)
      switch certainty(of: old) {
      case .undecided: ticket.resolve(.failed(.inFlight))
      case .unknowable: ticket.resolve(.failed(.undecided))
      case .certain: take(draft, available, ticket, known)
      case .adoptable:
        adopt(
          old, orElse: { ticket.resolve(.failed(.inFlight)) },
          then: { position in
            guard position != nil else { return ticket.resolve(.failed(.undecided)) }
            self.take(replacing, available, ticket, nowKnown)
          })
      }
    } catch { ticket.resolve(.failed(.unreachable(error.description))) }
  }

  func availabilityReader(_ views: ViewDirectory) -> AvailabilityReader? {
    var name = configuration.view
    let view = name.withUTF8 { views.find(UnsafeRawBufferPointer($0)) }
    do throws(AvailabilityFault) {
      return try view.map { view throws(AvailabilityFault) in
        try AvailabilityReader(view, configuration.columns)
      }
    } catch { return nil }
  }
}

extension HoldDraft.Line {
  func short(_ available: Int64) -> HoldShort {
    HoldShort(keyMembers: keyMembers, requested: requested, available: available)
  }
}

extension HoldDocument {
  var units: Int64 { lines.map(\.quantity).reduce(0, +) }

  mutating func findKeys(_ reader: AvailabilityReader?) {
    guard let reader else { return }
    let keys = KeyReader()
    for index in lines.indices {
      lines[index].key = keys.holdKey(lines[index].keyTexts, reader)
    }
  }
}

extension KeyReader {
  /// The key of these values, in the order of the view's key; nil if one is not of its column's type.
  ///
  /// - Parameter texts: in the order of the configuration.
  package func holdKey(_ texts: [String], _ reader: AvailabilityReader) -> HoldKey? {
    let types = reader.view.keyTypes
    guard texts.count == types.count else { return nil }
    begin()
    for place in reader.keyOrder {
      var text = texts[place]
      let isRead = text.withUTF8 { utf8 -> Bool in
        do throws(Failure) { try add(UnsafeRawBufferPointer(utf8), types) } catch { return false }
        return true
      }
      guard isRead else { return nil }
    }
    do throws(Failure) { return HoldKey(Array(try end(types).bytes)) } catch { return nil }
  }
}

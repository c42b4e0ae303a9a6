import Engine

/// What the log says of holds; on the queue of capture.
extension HoldDesk: HoldWitness {
  package func snapshotBegins() {
    state.withLock { state in
      state.snapshotIndex = state.index.emptied
      state.snapshot = [:]
      state.replacedInFlight = Set(state.open.values.compactMap { $0.draft.replaces?.id })
    }
  }

  package func snapshotHas(_ row: HoldRow) {
    state.withLock { state in
      state.snapshotIndex?.add(row)
      if state.book.standing(of: row.id) != .unknown || state.replacedInFlight.contains(row.id) {
        state.snapshot[row.id] =
          row.status != .held ? .ended : row.instance == instance ? .held : .heldByOther
      }
    }
  }

  package func snapshotEnds() {
    let over = state.withLock { state in
      if let index = state.snapshotIndex.take() { state.index = index }
      let rows = state.snapshot
      state.snapshot = [:]
      return state.book.restarted { rows[$0] }
    }
    // They ended while nobody looked, before anybody was told of them.
    for id in over { fail(id, .undecided) }
  }

  package func inserted(_ row: HoldRow) -> Bool {
    state.withLock { state in
      state.index.add(row)
      return row.instance == instance && state.book.inserted(row.id)
    }
  }

  package func updated(from old: HoldRow?, to row: HoldRow) -> Bool {
    let (isRefused, isToBeJudged) = state.withLock { state in
      if let old { state.index.remove(old) }
      state.index.add(row)
      let isRefused = state.book.standing(of: row.id) == .refused
      if row.status == .held, row.instance == instance {
        return (false, state.book.adopted(row.id))
      }
      // It has ended, or another has adopted what was refused here.
      if row.status != .held || isRefused { state.book.ended(row.id) }
      return (isRefused, false)
    }
    // Whoever ended it: expiry may have been before us.
    if isRefused { changeLane.post { _ in self.rejected(row.id) } }
    return isToBeJudged
  }

  package func deleted(_ row: HoldRow) {
    state.withLock { state in
      state.index.remove(row)
      state.book.ended(row.id)
    }
  }

  package var holdIndex: HoldIndex { state.withLock { $0.index } }

  package func restore(_ index: HoldIndex) { state.withLock { $0.index = index } }

  package func stepIsApplied(_ views: ViewDirectory, sequence: UInt64, position: Position) {
    state.withLock { state in
      if state.keyColumns == nil {
        state.keyColumns = availabilityReader(views)?.holdKeyColumns
      }
      guard !state.book.arrivals.isEmpty else { return }
      let reader = availabilityReader(views)
      let rivals = state.book.arrivals.filter { id in
        state.open[id].map { $0.draft.hasRival(in: state.index) } ?? false
      }
      let verdicts = state.book.judge(
        available: { key in reader.flatMap { $0.units(of: key, at: sequence) } },
        isRival: rivals.contains)
      for verdict in verdicts { note(verdict, position, &state) }
    }
  }

  private func note(_ verdict: HoldBook.Verdict, _ position: Position, _ state: inout State) {
    let id = verdict.id
    if let adoption = state.adoptions.removeValue(forKey: id) {
      return state.decidedAdoptions.append((adoption, verdict.isGranted ? position : nil))
    }
    guard let open = state.open[id] else { return }
    if open.committed != nil { decided(&state) }
    state.open[id]?.verdict = verdict
    state.open[id]?.position = position
    guard verdict.isGranted else {
      metrics.refusedByLog.add()
      return state.refused.append(id)
    }
    metrics.granted.add()
    // Otherwise once COMMIT has returned.
    if open.committed != nil, let told = grant(id, &state) { state.settled.append(told) }
  }

  package func stepIsVisible() {
    let (settled, adoptions, hasRefused) = state.withLock { state in
      state.book.stepIsVisible()
      defer {
        state.settled.removeAll(keepingCapacity: true)
        state.decidedAdoptions.removeAll()
        state.refused.removeAll(keepingCapacity: true)
      }
      return (state.settled, state.decidedAdoptions, !state.refused.isEmpty)
    }
    for (adoption, position) in adoptions { adoption(position) }
    for (ticket, outcome) in settled { ticket.resolve(outcome) }
    if hasRefused { changeLane.post { self.rejectRefused($0) } }
  }
}

extension HoldDraft {
  /// Whether another hold came before it in the log with the same idempotency key or reference.
  fileprivate func hasRival(in index: HoldIndex) -> Bool {
    let byKey = idempotencyKey.flatMap { index.hold(caller: caller, idempotencyKey: $0) }
    let byReference = reference.flatMap { index.hold(caller: caller, reference: $0) }
    return (byKey.map { $0 != id } ?? false) || (byReference.map { $0 != id } ?? false)
  }
}

extension AvailabilityReader {
  /// With types without lengths: a cast to `varchar(3)` would cut silently.
  fileprivate var holdKeyColumns: HoldKeyColumns {
    HoldKeyColumns(
      key.map { column in
        let type = view.definition.columns[column.index].typeName
        return HoldKeyColumns.Column(name: column.name, type: String(type.prefix { $0 != "(" }))
      })
  }
}

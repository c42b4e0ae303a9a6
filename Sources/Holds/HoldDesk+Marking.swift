import Capture
import Engine

/// Telling of holds that are not decided yet.
///
/// Whoever knows a hold's id can confirm it in SQL, where no verdict is known. So nobody is told of an undecided hold before
/// its row says `is_pending`, which the functions of schema `onhand` refuse. The mark goes when the hold is granted, and the
/// client is told so afterwards. Holds that are decided in time, as nearly all are, are never marked.
extension HoldDesk {
  /// What is known of a hold's mark.
  enum Mark {
    /// To be written once the hold is.
    case wanted
    /// Written, or about to be; until the hold is decided it stays.
    case written
  }

  /// Resolves the hold's ticket with ``HoldOutcome/pending(_:)`` once its row says so, unless something else comes first.
  ///
  /// One that was not sent yet is taken back.
  package func tellPending(_ id: HoldID) {
    let withdrawn = state.withLock { state -> Open? in
      guard let open = state.open[id], state.marks[id] == nil else { return nil }
      if let place = state.queue.firstIndex(where: { $0.id == id }) {
        state.queue.remove(at: place)
        return close(id, &state)
      }
      state.marks[id] = .wanted
      if open.committed != nil { startMarking(id, &state) }
      return nil
    }
    withdrawn?.ticket.resolve(.failed(.unreachable("the hold was not sent, nothing was taken")))
  }

  func startMarking(_ id: HoldID, _ state: inout State) {
    state.marks[id] = .written
    changeLane.post { self.mark(id, $0) }
  }

  private func mark(_ id: HoldID, _ lane: HoldLane) {
    do throws(PostgresError) {
      let rows = try lane.query(.mark, [id.description])
      guard !rows.isEmpty else { return }
      state.withLock { $0.open[id] }?.ticket.resolve(.pending(id))
    } catch {
      logger.warning("hold_not_marked", metadata: ["reason": "\(error)"])
    }
  }

  /// Takes the mark off a hold that was granted, behind whatever puts it there, then goes on.
  func unmark(_ id: HoldID, _ state: inout State, _ goOn: @escaping @Sendable () -> Void) {
    state.unmarking[id] = goOn
    changeLane.post { self.unmark([id], $0) }
  }

  /// Does again what could not be done. On the change lane.
  func unmarkRest(_ lane: HoldLane) {
    let ids = state.withLock { Array($0.stillMarked) }
    if !ids.isEmpty { unmark(ids, lane) }
  }

  private func unmark(_ ids: [HoldID], _ lane: HoldLane) {
    var left = Set(ids)
    do throws(PostgresError) {
      // Locked: by somebody who tries to confirm, perhaps.
      let locked = try lane.query(.unmark, [HoldBatch.array(ids.map(\.description))])
      left = Set(locked.compactMap { $0[0].flatMap { HoldID($0) } })
    } catch {
      logger.warning("holds_not_unmarked", metadata: ["reason": "\(error)"])
    }
    let done = state.withLock { state in
      state.stillMarked.subtract(ids)
      state.stillMarked.formUnion(left)
      return ids.filter { !left.contains($0) }.compactMap {
        state.unmarking.removeValue(forKey: $0)
      }
    }
    for goOn in done { goOn() }
  }
}

/// What is to be recorded of an outbox, all of it or nothing.
package struct OutboxProgress: Sendable {
  package let cursor: LSN
  /// By key the first undelivered position; nil where nothing is undelivered any more.
  package let exceptions: [[UInt8]: LSN?]
  /// Deliveries that are done with once this is recorded.
  package let delivered: Int

  package init(cursor: LSN, exceptions: [[UInt8]: LSN?], delivered: Int) {
    self.cursor = cursor
    self.exceptions = exceptions
    self.delivered = delivered
  }
}

extension Outbox {
  package var cursor: LSN { ledger.cursor }

  /// Whether something was delivered, or failed, that is not recorded yet.
  package var hasProgress: Bool { unrecorded > 0 || !changedExceptions.isEmpty }
  /// Whether the cursor moved, be it past what concerns nobody.
  package var hasMoved: Bool { ledger.cursor > recordedCursor }

  /// What to record now. Until it is, the next may be asked for only after ``progressFailed(_:)``.
  package mutating func takeProgress() -> OutboxProgress {
    relieveCursor()
    var changed: [Key: LSN?] = [:]
    for key in changedExceptions {
      let lane = lanes[key].flatMap { $0.isExcepted ? $0 : nil }
      changed.updateValue(lane?.entries.first?.lsn ?? lane?.spilledFrom, forKey: key)
    }
    changedExceptions.removeAll()
    return OutboxProgress(cursor: ledger.cursor, exceptions: changed, delivered: unrecorded)
  }

  package mutating func recorded(_ progress: OutboxProgress) {
    unrecorded -= progress.delivered
    recordedCursor = progress.cursor
  }

  /// Takes back what could not be recorded, to be told again.
  package mutating func progressFailed(_ progress: OutboxProgress) {
    changedExceptions.formUnion(progress.exceptions.keys)
  }

  /// Excepts keys that hold the cursor while much behind it is delivered, so that little is sent again after a crash.
  ///
  /// Looks at those under way and at the first that wait: what is oldest waits in front. To go through all lanes for each
  /// record would cost more than the deliveries.
  private mutating func relieveCursor() {
    guard ledger.deliveredAhead > Self.aheadMax, exceptions.count < Self.exceptionsMax else {
      return
    }
    let keys = deliveries.values.flatMap { $0.parts.map(\.key) } + ready.prefix(Self.reliefMax)
    let heads = keys.compactMap { key in
      lanes[key].flatMap { lane in
        lane.isExcepted ? nil : lane.entries.first.map { (key: key, lsn: $0.lsn) }
      }
    }
    for head in heads.sorted(by: { $0.lsn < $1.lsn }) {
      guard ledger.deliveredAhead > Self.aheadMax / 2, exceptions.count < Self.exceptionsMax,
        let blocking = ledger.blocking, head.lsn <= blocking
      else { return }
      except(head.key)
    }
  }
}

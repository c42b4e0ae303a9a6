import Capture
import Engine
import Runtime

/// What has to be done again and again: one's own leftovers, and, by one process for all, expiry and purge.
extension HoldDesk {
  /// Twice in the second within which expired holds are to free their stock.
  private static let dutyInterval = Duration.milliseconds(500)
  /// Purge and the count of the unsettled, in turns of the above.
  private static let seldom = 20

  func beginDuties() {
    dutyLane.post { self.doDuties(turn: 0, lockedOn: nil, $0) }
  }

  /// - Parameter lockedOn: the number of the connection that has the lock, if one has.
  private func doDuties(turn: Int, lockedOn: Int?, _ lane: HoldLane) {
    guard !stopFlag.isSet else { return }
    var lockedOn = lockedOn
    do throws(PostgresError) {
      if lockedOn != lane.connectionNumber {
        let isLocked = try lane.query(.lockDuties).first?[0] == "t"
        lockedOn = isLocked ? lane.connectionNumber : nil
      }
      if lockedOn != nil { try expire(turn, lane) }
      if turn % Self.seldom == 0 { try countUnsettled(lane) }
    } catch {
      logger.warning("hold_duties_failed", metadata: ["reason": "\(error)"])
    }
    changeLane.post { lane in
      self.rejectRefused(lane)
      self.releaseReplaced(lane)
      self.unmarkRest(lane)
    }
    let next = lockedOn
    lane.post(after: Self.dutyInterval) { self.doDuties(turn: turn + 1, lockedOn: next, $0) }
  }

  private func expire(_ turn: Int, _ lane: HoldLane) throws(PostgresError) {
    try repeatFull(.expire, [], lane) { metrics.expired.add($0) }
    guard turn % Self.seldom == 0 else { return }
    try repeatFull(.purge, [String(configuration.retention.microseconds)], lane) {
      metrics.purged.add($0)
    }
  }

  /// Runs a statement that does at most 1,000 rows for as long as it finds so many.
  private func repeatFull(
    _ statement: PreparedStatement, _ parameters: [String], _ lane: HoldLane, _ note: (Int) -> Void
  ) throws(PostgresError) {
    while !stopFlag.isSet {
      let rows = try lane.query(statement, parameters)
      let count = rows.first?[0].flatMap { Int($0) } ?? 0
      note(count)
      guard count == 1_000 else { return }
    }
  }

  private func countUnsettled(_ lane: HoldLane) throws(PostgresError) {
    guard let row = try lane.query(.unsettled).first else { return }
    metrics.unsettled = HoldMetrics.Unsettled(
      count: row[0].flatMap { Int($0) } ?? 0, oldestSeconds: row[1].flatMap { Int($0) } ?? 0)
  }
}

import Holds

extension MetricsWriter {
  mutating func holds(_ desk: HoldDesk) {
    let metrics = desk.metrics
    head("onhand_holds_total", "What became of holds, here", "counter")
    let counts = [
      ("granted", metrics.granted), ("refused", metrics.refusedAtOnce),
      ("refused_by_log", metrics.refusedByLog), ("limited", metrics.limited),
      ("failed", metrics.failures), ("confirmed", metrics.confirmed),
      ("settled", metrics.settled), ("released", metrics.released),
      ("extended", metrics.extended), ("expired", metrics.expired), ("purged", metrics.purged),
    ]
    for (event, counter) in counts {
      line("onhand_holds_total{event=\"\(event)\"}", counter.value)
    }
    counter("onhand_hold_commits_total", "Transactions that took holds", metrics.commits.value)
    gauge("onhand_holds_in_flight", "Holds that are not decided yet", desk.inFlightCount)
    gauge(
      "onhand_holds_refused_rows", "Refused holds whose rows do not say so yet", desk.refusedCount)
    let unsettled = metrics.unsettled
    gauge("onhand_holds_unsettled", "Holds that are confirmed and not settled", unsettled.count)
    gauge(
      "onhand_holds_unsettled_oldest_seconds", "How long the oldest of them is confirmed",
      unsettled.oldestSeconds)
  }
}

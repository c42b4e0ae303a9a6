/// Which steps of the source are done with: the low-water mark of an endpoint.
///
/// A step is added once, in order, with how many changes it owes; changes are settled in any order. The cursor is the last
/// step before which nothing is owed.
struct StepLedger: Sendable {
  private struct Step {
    let lsn: LSN
    var owed: Int
    var delivered = 0
  }

  private var steps: [Step] = []
  private var head = 0
  /// Nothing is owed up to here.
  private(set) var cursor: LSN
  /// The last step taken in.
  private(set) var end: LSN
  /// Delivered in steps behind the cursor: what would be sent again after a crash.
  private(set) var deliveredAhead = 0

  init(from cursor: LSN) {
    self.cursor = cursor
    end = cursor
  }

  /// The first step in which something is owed.
  var blocking: LSN? { head < steps.count ? steps[head].lsn : nil }

  mutating func add(_ lsn: LSN, owed: Int) {
    precondition(lsn >= end, "steps come in order")
    end = lsn
    if owed > 0 { steps.append(Step(lsn: lsn, owed: owed)) }
    advance()
  }

  /// One change of the step is delivered, or is remembered elsewhere.
  mutating func settle(_ lsn: LSN, isDelivered: Bool) {
    guard let index = index(of: lsn) else { return }
    steps[index].owed -= 1
    if isDelivered {
      steps[index].delivered += 1
      deliveredAhead += 1
    }
    advance()
  }

  private mutating func advance() {
    while head < steps.count, steps[head].owed == 0 {
      deliveredAhead -= steps[head].delivered
      head += 1
    }
    // Before the first step that owes something lies whatever was last done with.
    cursor = head < steps.count ? (head > 0 ? max(cursor, steps[head - 1].lsn) : cursor) : end
    if head > 1_024, head * 2 > steps.count {
      steps.removeFirst(head)
      head = 0
    }
  }

  private func index(of lsn: LSN) -> Int? {
    var (low, high) = (head, steps.count)
    while low < high {
      let middle = (low + high) / 2
      if steps[middle].lsn < lsn { low = middle + 1 } else { high = middle }
    }
    return low < steps.count && steps[low].lsn == lsn ? low : nil
  }
}

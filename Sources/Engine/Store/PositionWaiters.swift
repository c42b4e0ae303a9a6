/// Who waits for a position to be reached, and until when.
///
/// Asked once per step: the least awaited LSN tells at a glance that nobody is to be woken, which is the usual case.
struct PositionWaiters {
  struct Waiter {
    let lsn: LSN
    /// On the monotonic clock; after it the waiter may be forgotten.
    let deadline: Int64
    let wake: @Sendable () -> Void
  }

  private var waiters: [Waiter] = []
  /// Nil while nobody waits.
  private(set) var leastLSN: LSN?
  /// Not later than the first deadline: a waiter that was woken may have had it.
  private var firstDeadline = Int64.max

  /// More are told to come back.
  static let countMax = 16_384

  var isEmpty: Bool { waiters.isEmpty }

  /// Takes a waiter in, in place of one whose deadline has passed if need be.
  ///
  /// - Returns: whether there was room.
  mutating func add(_ waiter: Waiter, now: Int64) -> Bool {
    if waiters.count >= Self.countMax { removeExpired(now: now) }
    guard waiters.count < Self.countMax else { return false }
    waiters.append(waiter)
    leastLSN = min(leastLSN ?? waiter.lsn, waiter.lsn)
    firstDeadline = min(firstDeadline, waiter.deadline)
    return true
  }

  mutating func removeExpired(now: Int64) {
    guard firstDeadline < now else { return }
    waiters.removeAll { $0.deadline < now }
    firstDeadline = waiters.map(\.deadline).min() ?? .max
    leastLSN = waiters.map(\.lsn).min()
  }

  /// Takes out those who waited for `lsn` or less.
  mutating func takeReached(_ lsn: LSN) -> [Waiter] {
    guard let leastLSN, leastLSN <= lsn else { return [] }
    // Those who stay move to the front.
    let firstReached = waiters.partition { $0.lsn <= lsn }
    let reached = Array(waiters[firstReached...])
    waiters.removeSubrange(firstReached...)
    self.leastLSN = waiters.map(\.lsn).min()
    return reached
  }
}

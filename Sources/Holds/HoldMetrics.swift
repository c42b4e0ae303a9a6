import Runtime
import Synchronization

/// What happened to holds; any thread may add and read.
package final class HoldMetrics: Sendable {
  package let granted = Counter()
  /// Refused without asking the database.
  package let refusedAtOnce = Counter()
  /// Refused by the order of the log.
  package let refusedByLog = Counter()
  package let confirmed = Counter()
  package let settled = Counter()
  package let released = Counter()
  package let extended = Counter()
  package let expired = Counter()
  package let purged = Counter()
  package let commits = Counter()
  package let failures = Counter()
  package let limited = Counter()
  package struct Unsettled: Sendable {
    package var count = 0
    package var oldestSeconds = 0
  }
  private let unsettledNow = Mutex(Unsettled())

  package var unsettled: Unsettled {
    get { unsettledNow.withLock { $0 } }
    set { unsettledNow.withLock { $0 = newValue } }
  }
}

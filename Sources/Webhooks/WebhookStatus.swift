import Runtime
import Synchronization

/// How deliveries are doing on this instance, for metrics; written by ``Webhooks``, read by any thread.
package final class WebhookStatus: Sendable {
  package struct Now: Sendable {
    /// Whether this instance delivers.
    package var hasDuty = false
    package var endpoints = 0
    /// Changes taken in and not delivered.
    package var owed = 0
    /// Requests under way.
    package var underWay = 0
    /// Where the window of changes begins for all endpoints, as an LSN; 0 while one is not covered.
    package var windowStart: UInt64 = 0
  }

  private let now = Mutex(Now())
  package let delivered = Counter()
  package let failed = Counter()
  package let parked = Counter()
  package let resyncs = Counter()

  package init() {}

  package var current: Now { now.withLock { $0 } }

  func set(_ value: Now) { now.withLock { $0 = value } }

  func setDuty(_ hasDuty: Bool) { now.withLock { $0.hasDuty = hasDuty } }
}

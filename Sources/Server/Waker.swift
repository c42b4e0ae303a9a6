import Synchronization

/// Brings one parked request back to its handler.
///
/// Any thread may wake it, any number of times, also when the request or its connection is gone.
package struct Waker: Sendable {
  private let signal: WakeSignal

  init(_ signal: WakeSignal) {
    self.signal = signal
  }

  package func wake() {
    signal.raise()
  }

  /// Whether the request still waits; asked on its worker's queue, after the handler's return.
  package var isAwaited: Bool { signal.isAwaited }
}

/// One request's wake on its way to the worker.
final class WakeSignal: Sendable {
  let token: ConnectionToken
  let requestNumber: UInt32
  private let worker: Worker
  /// So that wakes between two looks of the worker count as one, and never queue up.
  private let isRaised = Atomic(false)

  init(_ worker: Worker, _ token: ConnectionToken, requestNumber: UInt32) {
    self.worker = worker
    self.token = token
    self.requestNumber = requestNumber
  }

  func raise() {
    guard !isRaised.exchange(true, ordering: .acquiringAndReleasing) else { return }
    worker.raise(self)
  }

  var isAwaited: Bool { worker.assumeIsolated { $0.parked(self) != nil } }

  /// Called before the request is tried: a later wake is another one.
  func lower() {
    isRaised.store(false, ordering: .releasing)
  }
}

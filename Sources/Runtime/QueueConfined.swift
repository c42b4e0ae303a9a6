/// An actor whose state belongs to one Dispatch queue.
package protocol QueueConfined: Actor {
  nonisolated var executor: QueueExecutor { get }
}

extension QueueConfined {
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Runs `body` on the actor later, in the order of the calls.
  package nonisolated func post(_ body: @escaping @Sendable (isolated Self) -> Void) {
    executor.queue.async { self.assumeIsolated { body($0) } }
  }
}

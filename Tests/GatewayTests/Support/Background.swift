import Dispatch
import Synchronization

/// Work beside a test, on a thread of its own, until told to stop.
final class Background: Sendable {
  private let isStopped = Atomic<Bool>(false)
  private let rounds = Atomic<Int>(0)
  private let outcome = Mutex<(any Error)?>(nil)
  private let done = DispatchGroup()

  /// Repeats `round` until ``stop()``.
  init(_ round: @escaping @Sendable (Int) throws -> Void) {
    DispatchQueue(label: "test.background").async(group: done) { [self] in
      do {
        while !isStopped.load(ordering: .relaxed) {
          try round(rounds.load(ordering: .relaxed))
          rounds.wrappingAdd(1, ordering: .relaxed)
        }
      } catch {
        outcome.withLock { $0 = error }
      }
    }
  }

  /// Lets the round under way end.
  ///
  /// - Returns: how many rounds there were.
  @discardableResult
  func stop() throws -> Int {
    isStopped.store(true, ordering: .relaxed)
    done.wait()
    if let error = outcome.withLock({ $0 }) { throw error }
    return rounds.load(ordering: .relaxed)
  }
}

import Engine
import Server

/// A request that waits for the next change of some rows.
final class ChangePoller: InterestFollower {
  private(set) var knownMark: UInt64
  var places = FollowerPlaces()
  /// When nobody waits any more, on the monotonic clock.
  let deadline: Int64
  private let waker: Waker
  private let worker: PushWorker
  private var interest: Interest?

  /// Starts to wait, for what comes behind what the worker has taken in.
  init(_ draft: Interest, until deadline: Int64, _ waker: Waker, _ worker: PushWorker) {
    self.deadline = deadline
    self.waker = waker
    self.worker = worker
    knownMark = 0
    let interest = worker.registry.follow(draft, self)
    self.interest = interest
    knownMark = interest.lastMark
    worker.add(self)
  }

  /// Whether its client is still there.
  var isAwaited: Bool { waker.isAwaited }

  func interestChanged() { wake() }
  func interestWasLost(_ loss: InterestLoss) { wake() }

  private func wake() {
    waker.wake()
    leave()
  }

  func leave() {
    guard let interest else { return }
    self.interest = nil
    worker.registry.unfollow(interest, self)
    worker.remove(self)
  }
}

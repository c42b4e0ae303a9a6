import Dispatch
import Server
import Synchronization

/// What requests wait for that are answered by somebody else: one job for each connection, which asks one thing at a time.
///
/// Jobs whose client went away are dropped with the next request of the same address, or when too many are kept.
final class RequestJobs<Reply: Sendable>: Sendable {
  enum State: Sendable {
    case none
    case waiting
    case done(Reply)
  }

  private struct Job {
    let number: Int
    var reply: Reply?
  }

  private struct Jobs {
    var byPeer: [PeerAddress: Job] = [:]
    var lastNumber = 0
  }

  private let jobs = Mutex(Jobs())
  private let countMax: Int

  init(countMax: Int) { self.countMax = countMax }

  /// Starts a job of `peer` in place of any that it has.
  ///
  /// - Returns: what takes the reply, any time and on any thread; nil where too many wait.
  func start(_ peer: PeerAddress) -> (@Sendable (Reply) -> Void)? {
    let number: Int? = jobs.withLock { jobs in
      jobs.byPeer[peer] = nil
      if jobs.byPeer.count >= countMax {
        jobs.byPeer = jobs.byPeer.filter { $0.value.reply == nil }
      }
      guard jobs.byPeer.count < countMax else { return nil }
      jobs.lastNumber += 1
      jobs.byPeer[peer] = Job(number: jobs.lastNumber)
      return jobs.lastNumber
    }
    guard let number else { return nil }
    return { reply in self.finish(peer, number, reply) }
  }

  private func finish(_ peer: PeerAddress, _ number: Int, _ reply: Reply) {
    jobs.withLock { jobs in
      guard jobs.byPeer[peer]?.number == number else { return }
      jobs.byPeer[peer]?.reply = reply
    }
  }

  /// How the job of `peer` stands; one that is done is taken away.
  func look(_ peer: PeerAddress) -> State {
    jobs.withLock { jobs in
      guard let job = jobs.byPeer[peer] else { return .none }
      guard let reply = job.reply else { return .waiting }
      jobs.byPeer[peer] = nil
      return .done(reply)
    }
  }

  /// Forgets the job of `peer`.
  func drop(_ peer: PeerAddress) { jobs.withLock { $0.byPeer[peer] = nil } }
}

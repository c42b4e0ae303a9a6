import Synchronization

/// How many connections there are, in all, by address and by worker.
final class ConnectionLedger: Sendable {
  private let connectionsMax: Int
  private let perAddressMax: Int?
  private let counts: Mutex<Counts>

  private struct Counts {
    var total = 0
    var byAddress: [IPAddress: Int] = [:]
    var byWorker: [Int]
    /// Where to look first, so that workers with as many connections take turns.
    var nextWorker = 0

    func leastLoadedWorker() -> Int {
      var best = nextWorker
      for offset in byWorker.indices.dropFirst() {
        let worker = (nextWorker + offset) % byWorker.count
        if byWorker[worker] < byWorker[best] { best = worker }
      }
      return best
    }
  }

  enum Decision: Equatable {
    /// Counted, until released; the worker is the one with the fewest.
    case admitted(worker: Int)
    case refused
  }

  init(workerCount: Int, connectionsMax: Int, perAddressMax: Int?) {
    self.connectionsMax = connectionsMax
    self.perAddressMax = perAddressMax
    counts = Mutex(Counts(byWorker: Array(repeating: 0, count: workerCount)))
  }

  var total: Int { counts.withLock { $0.total } }

  func admit(_ address: IPAddress) -> Decision {
    counts.withLock { counts in
      guard counts.total < connectionsMax else { return .refused }
      if let perAddressMax {
        guard counts.byAddress[address, default: 0] < perAddressMax else { return .refused }
        counts.byAddress[address, default: 0] += 1
      }
      let worker = counts.leastLoadedWorker()
      counts.total += 1
      counts.byWorker[worker] += 1
      counts.nextWorker = (worker + 1) % counts.byWorker.count
      return .admitted(worker: worker)
    }
  }

  func release(_ address: IPAddress, worker: Int) {
    counts.withLock { counts in
      counts.total -= 1
      counts.byWorker[worker] -= 1
      guard let left = counts.byAddress[address] else { return }
      counts.byAddress[address] = left > 1 ? left - 1 : nil
    }
  }
}

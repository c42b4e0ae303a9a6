import Addresses
import Synchronization

/// How many connections there are, in all, by client's address and by worker.
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

    mutating func forget(_ address: IPAddress) {
      guard let left = byAddress[address] else { return }
      byAddress[address] = left > 1 ? left - 1 : nil
    }

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

  func admit(_ socket: AcceptedSocket) -> Decision {
    counts.withLock { counts in
      guard counts.total < connectionsMax else { return .refused }
      if !socket.isTrustedProxy, !count(socket.peer.ip, &counts) { return .refused }
      let worker = counts.leastLoadedWorker()
      counts.total += 1
      counts.byWorker[worker] += 1
      counts.nextWorker = (worker + 1) % counts.byWorker.count
      return .admitted(worker: worker)
    }
  }

  func release(_ socket: AcceptedSocket, worker: Int) {
    counts.withLock { counts in
      counts.total -= 1
      counts.byWorker[worker] -= 1
      if !socket.isTrustedProxy { counts.forget(socket.peer.ip) }
    }
  }

  /// Counts a request that a proxy's connection waits for as a connection of its client; false if
  /// that has too many.
  func admitWaiting(_ client: IPAddress) -> Bool {
    counts.withLock { count(client, &$0) }
  }

  func releaseWaiting(_ client: IPAddress) {
    counts.withLock { $0.forget(client) }
  }

  private func count(_ address: IPAddress, _ counts: inout Counts) -> Bool {
    guard let perAddressMax else { return true }
    guard counts.byAddress[address, default: 0] < perAddressMax else { return false }
    counts.byAddress[address, default: 0] += 1
    return true
  }
}

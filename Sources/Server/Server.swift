import HTTPWire
import Runtime

/// An HTTP/1.1 server: one acceptor, and workers that own the connections.
///
/// It runs from `init` until it has been drained.
package final class Server: Sendable {
  /// The port listened on.
  package let port: UInt16
  private let acceptor: Acceptor
  private let workers: [Worker]
  private let ledger: ConnectionLedger

  /// Listens, and serves what arrives with `handler`.
  package init(
    _ configuration: ServerConfiguration, _ handler: any RequestHandler
  ) throws(ListenError) {
    precondition(configuration.workerCount > 0, "a server needs a worker")
    let socket = try ListeningSocket(host: configuration.host, port: configuration.port)
    port = socket.port
    let ledger = ConnectionLedger(
      workerCount: configuration.workerCount,
      connectionsMax: configuration.limits.connectionsMax,
      perAddressMax: configuration.limits.connectionsPerAddressMax)
    let compressor = Compressor()
    var workers: [Worker] = []
    for index in 0..<configuration.workerCount {
      workers.append(try Worker(index: index, configuration, ledger, compressor, handler))
    }
    self.ledger = ledger
    self.workers = workers
    acceptor = Acceptor(socket, ledger, configuration.trustedProxies, workers)
    for worker in workers { worker.post { $0.start() } }
    acceptor.post { $0.start() }
  }

  /// Connections open now.
  package var connectionCount: Int { ledger.total }

  /// Makes each worker ask for sessions that have something to tell, and those for it. Any thread may call it, as often as it
  /// likes: calls between two looks of a worker count as one.
  package func signal() {
    for worker in workers { worker.signal() }
  }

  /// Stops listening, closes idle connections, lets requests under way finish for at most
  /// `duration`.
  ///
  /// `completion` is called once, on a queue of the server, when no connection is left; from then
  /// on nothing of the server runs. Draining again shortens the time and never lengthens it.
  package func drain(
    within duration: Duration, _ completion: @escaping @Sendable (DrainReport) -> Void
  ) {
    let deadline = ContinuousClock.now + duration
    let tally = DrainTally(workers.count, completion)
    acceptor.post { [workers] acceptor in
      acceptor.stop {
        for worker in workers {
          worker.post { $0.startDraining(until: deadline) { tally.count($0) } }
        }
      }
    }
  }
}

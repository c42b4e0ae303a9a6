import CLinux
import Dispatch
import Glibc
import HTTPWire
import Runtime

/// The owner of the listening socket: admits connections and hands them to workers.
actor Acceptor: QueueConfined {
  nonisolated let executor: QueueExecutor
  private var socket: ListeningSocket?
  private let ledger: ConnectionLedger
  private let proxies: TrustedProxies
  private let workers: [Worker]
  private let refusal: [UInt8]
  private var source: (any DispatchSourceRead)?
  private var isPaused = false

  /// Connections accepted before the queue's other work has a turn.
  private static let batchMax = 64
  /// How long to leave connections waiting when the process has no descriptor or memory for one.
  private static let pauseMilliseconds = 100

  init(
    _ socket: consuming ListeningSocket, _ ledger: ConnectionLedger, _ proxies: TrustedProxies,
    _ workers: [Worker]
  ) {
    executor = QueueExecutor(label: "onhand.acceptor")
    self.socket = consume socket
    self.ledger = ledger
    self.proxies = proxies
    self.workers = workers
    refusal = Self.encodedRefusal()
  }

  func start() {
    guard let descriptor = socket?.descriptor else { return }
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: executor.queue)
    source.setEventHandler { self.acceptBatch() }
    source.activate()
    self.source = source
  }

  /// Closes the listening socket, then calls `completion`; every connection accepted has been
  /// handed over.
  func stop(_ completion: @escaping @Sendable () -> Void) {
    guard let source else { return completion() }
    self.source = nil
    source.setCancelHandler {
      self.socket = nil
      completion()
    }
    source.cancel()
    // A suspended source would never get to its cancel handler.
    if isPaused { source.resume() }
  }

  private func acceptBatch() {
    guard source != nil else { return }
    var batches = [[AcceptedSocket]](repeating: [], count: workers.count)
    for _ in 0..<Self.batchMax {
      guard var accepted = acceptOne() else { break }
      accepted.isTrustedProxy = proxies.contain(accepted.peer.ip)
      switch ledger.admit(accepted) {
      case .admitted(let worker): batches[worker].append(accepted)
      case .refused: refuse(accepted)
      }
    }
    for (worker, batch) in zip(workers, batches) where !batch.isEmpty {
      worker.post { $0.adopt(batch) }
    }
  }

  /// The next connection, or nil when there is none to be had now.
  private func acceptOne() -> AcceptedSocket? {
    while true {
      guard let result = socket?.accept() else { return nil }
      switch result {
      case .success(let accepted): return accepted
      case .failure(let failure):
        switch failure.code {
        // The client gave up while it was waiting (accept(2)).
        case EINTR, ECONNABORTED, EPROTO: continue
        case EAGAIN: return nil
        default:
          pause()
          return nil
        }
      }
    }
  }

  private func pause() {
    guard !isPaused, let source else { return }
    isPaused = true
    source.suspend()
    executor.queue.asyncAfter(deadline: .now() + .milliseconds(Self.pauseMilliseconds)) {
      self.assumeIsolated { $0.resume() }
    }
  }

  private func resume() {
    guard isPaused, let source else { return }
    isPaused = false
    source.resume()
  }

  /// Answers 503 as far as that needs no waiting, and closes.
  private func refuse(_ accepted: AcceptedSocket) {
    _ = refusal.withUnsafeBytes {
      clinux_send(accepted.descriptor, $0.baseAddress, $0.count)
    }
    shutdown(accepted.descriptor, Int32(SHUT_WR))
    // A close with bytes unread would reset the connection, and the answer with it.
    withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 16) { unread in
      _ = clinux_receive(accepted.descriptor, unread.baseAddress, unread.count)
    }
    close(accepted.descriptor)
  }

  private static func encodedRefusal() -> [UInt8] {
    var response = Response()
    response.refuse(ServerRefusal.connectionsTooMany)
    var output = ByteBuffer()
    let framing = Response.Framing(version: .http11, keepsAlive: false, omitsBody: false)
    response.encode(into: &output, framing, dateField: ByteBuffer().view)
    return Array(output.bytes)
  }
}

/// What surrounds one call of a handler.
package struct RequestContext: ~Copyable {
  package let peer: PeerAddress
  /// 1 for the first call with a request, counting up while it parks.
  package let attempt: Int
  package let cause: AttemptCause

  private let worker: Worker
  private let token: ConnectionToken
  private let requestNumber: UInt32
  private let firstAttempt: ContinuousClock.Instant

  init(_ worker: Worker, _ connection: Connection, _ cause: AttemptCause) {
    peer = connection.socket.peer
    attempt = connection.attempts
    self.cause = cause
    self.worker = worker
    token = connection.token
    requestNumber = connection.requestNumber
    firstAttempt = connection.begin
  }

  /// Which worker this is, `0..<workerCount`: state a handler keeps for it is touched by no other.
  package var workerIndex: Int { worker.index }

  /// Names the request among those of its worker, the same on each attempt.
  package var request: RequestID { RequestID(token: token, number: requestNumber) }

  /// The time, for deadlines; read when asked for.
  package var now: ContinuousClock.Instant { .now }

  /// When the handler was first called with the request, about: what a request waits for, it waits for from then on, however
  /// often it is tried.
  package var began: ContinuousClock.Instant { attempt == 1 ? .now : firstAttempt }

  /// What brings this request back to the handler once it is parked.
  ///
  /// Hand it to whoever can make the answer possible, then look once more whether it already is: a
  /// wake before the request parks is not lost, one that nobody sends is.
  package var waker: Waker {
    Waker(WakeSignal(worker, token, requestNumber: requestNumber))
  }
}

/// A request's name on its worker, not given again before billions of others.
package struct RequestID: Hashable, Sendable {
  let token: ConnectionToken
  let number: UInt32
}

/// Why a handler is called.
package enum AttemptCause: Sendable {
  /// The request has arrived.
  case arrived
  /// It was parked and has been woken, perhaps for nothing.
  case woken
  /// It was parked and its deadline has passed.
  case deadlinePassed
  /// It was parked and the server is being drained: answering now is better than being cut later.
  case draining
}

import HTTPWire

extension Worker {
  /// Takes a wake from any thread. Those that arrive before the worker looks are looked at
  /// together.
  nonisolated func raise(_ signal: WakeSignal) {
    let isFirst = raisedSignals.withLock { signals in
      signals.append(signal)
      return signals.count == 1
    }
    if isFirst { post { $0.retryWoken() } }
  }

  /// Calls the handler again with the request that `connection` has parked.
  func retry(_ connection: Connection, _ cause: AttemptCause) {
    unpark(connection)
    serveInput(connection, cause)
  }

  func park(_ connection: Connection, until deadline: ContinuousClock.Instant) {
    parkedCount += 1
    if connection.attempts == 1, requestLog == nil { connection.begin = .now }
    connection.phase = .parked(until: clock.tick(notBefore: deadline))
  }

  func unpark(_ connection: Connection) {
    guard case .parked = connection.phase else { return }
    parkedCount -= 1
    connection.phase = .receiving
  }

  /// Counts a request that is about to park to its client; false if that has too many waiting.
  func admitClient(_ connection: Connection, _ request: borrowing Request) -> Bool {
    guard connection.socket.isTrustedProxy, connection.waitingClient == nil else { return true }
    let client = proxies.client(of: request, from: connection.socket.peer.ip)
    guard ledger.admitWaiting(client) else { return false }
    connection.waitingClient = client
    return true
  }

  func releaseClient(_ connection: Connection) {
    guard let client = connection.waitingClient else { return }
    connection.waitingClient = nil
    ledger.releaseWaiting(client)
  }

  private func retryWoken() {
    let signals = raisedSignals.withLock { signals in
      defer { signals = [] }
      return signals
    }
    for signal in signals {
      signal.lower()
      if let connection = parked(signal) { retry(connection, .woken) }
    }
  }

  /// The connection that has parked the request which `signal` wakes.
  func parked(_ signal: WakeSignal) -> Connection? {
    guard let connection = table[signal.token], case .parked = connection.phase,
      connection.requestNumber == signal.requestNumber
    else { return nil }
    return connection
  }
}

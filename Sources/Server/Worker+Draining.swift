extension Worker {
  /// Closes what is idle, lets what is under way finish until `deadline`, then tells `completion`
  /// how many were cut.
  ///
  /// Asked again, the earlier deadline holds, and all completions are told.
  func startDraining(
    until deadline: ContinuousClock.Instant, _ completion: @escaping @Sendable (Int) -> Void
  ) {
    var progress = drain ?? DrainProgress()
    if drain == nil {
      progress.begin = tick
      progress.sessions = table.all.filter { $0.phase == .session }.map(\.token)
    }
    progress.deadline = min(progress.deadline, clock.tick(notBefore: deadline))
    progress.completions.append(completion)
    drain = progress
    for connection in table.all { hurry(connection) }
    drainDueSessions()
    finishDrainIfEmpty()
  }

  func finishDrainIfEmpty() {
    guard table.count == 0, let progress = drain, !progress.completions.isEmpty else { return }
    drain?.completions = []
    stop()
    for completion in progress.completions { completion(progress.cutCount) }
  }

  /// Tells the sessions whose moment has come that the server is about to stop.
  func drainDueSessions() {
    guard let progress = drain else { return }
    let due = progress.dueCount(at: tick)
    drain?.toldCount = max(due, progress.toldCount)
    for token in progress.sessions[progress.toldCount..<max(due, progress.toldCount)] {
      guard let connection = table[token], let session = connection.openSession?.session else {
        continue
      }
      session.drain()
      takeTurn(connection)
    }
  }

  /// Ends the connections that are still there at the deadline.
  func cutOverdueDrain() {
    guard let deadline = drain?.deadline, tick >= deadline else { return }
    for connection in table.all {
      drain?.cutCount += 1
      cut(connection)
    }
  }

  private func hurry(_ connection: Connection) {
    if case .parked = connection.phase {
      retry(connection, .draining)
    } else if connection.wait == .idle {
      // A request may have arrived that no event has told of yet.
      receive(connection)
    }
  }
}

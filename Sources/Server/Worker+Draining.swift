extension Worker {
  /// Closes what is idle, lets what is under way finish until `deadline`, then tells `completion`
  /// how many were cut.
  ///
  /// Asked again, the earlier deadline holds, and all completions are told.
  func startDraining(
    until deadline: ContinuousClock.Instant, _ completion: @escaping @Sendable (Int) -> Void
  ) {
    var progress = drain ?? DrainProgress()
    progress.deadline = min(progress.deadline, clock.tick(notBefore: deadline))
    progress.completions.append(completion)
    drain = progress
    for connection in table.all { hurry(connection) }
    finishDrainIfEmpty()
  }

  func finishDrainIfEmpty() {
    guard table.count == 0, let progress = drain, !progress.completions.isEmpty else { return }
    drain?.completions = []
    stop()
    for completion in progress.completions { completion(progress.cutCount) }
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

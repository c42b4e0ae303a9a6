import Synchronization

/// The workers' reports on their way to one.
final class DrainTally: Sendable {
  private let state: Mutex<(awaited: Int, cut: Int)>
  private let completion: @Sendable (DrainReport) -> Void

  init(_ workerCount: Int, _ completion: @escaping @Sendable (DrainReport) -> Void) {
    state = Mutex((awaited: workerCount, cut: 0))
    self.completion = completion
  }

  func count(_ cut: Int) {
    let total: Int? = state.withLock { state in
      state.awaited -= 1
      state.cut += cut
      return state.awaited == 0 ? state.cut : nil
    }
    if let total { completion(DrainReport(cutConnections: total)) }
  }
}

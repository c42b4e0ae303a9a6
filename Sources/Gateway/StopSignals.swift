import Dispatch
import Glibc

/// SIGTERM and SIGINT as something to wait for; caught from the moment that this is made.
struct StopSignals {
  private let arrivals: AsyncStream<Int32>
  /// Watch until the process ends.
  private let sources: [any DispatchSourceSignal]

  init() {
    let (arrivals, continuation) = AsyncStream<Int32>.makeStream(
      bufferingPolicy: .bufferingOldest(1))
    self.arrivals = arrivals
    let queue = DispatchQueue(label: "onhand.signals")
    sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { continuation.yield(number) }
      source.activate()
      return source
    }
  }

  /// Returns once one of them has arrived.
  func wait() async {
    for await _ in arrivals { return }
  }
}

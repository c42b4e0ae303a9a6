import Durability
import Engine
import HTTPWire
import Runtime
import Server
import Synchronization

/// Push as a whole: the window of changes, and what each worker knows.
final class PushHub: Sendable {
  let window: ChangeWindow
  let counters: PushCounters
  private let workers: [PushWorker]
  private let bell: Bell
  private let store: ViewStore

  /// Rings all workers of the server, once there is one.
  final class Bell: Sendable {
    /// A closure by itself would be wrapped once more each time that the lock hands it out.
    private struct Rope {
      let pull: @Sendable () -> Void
    }

    private let rope = Mutex<Rope?>(nil)

    func attach(_ ring: (@Sendable () -> Void)?) {
      rope.withLock { $0 = ring.map(Rope.init) }
    }

    func callAsFunction() { rope.withLock { $0 }?.pull() }
  }

  init(
    store: ViewStore, changeLog: ChangeLog?, clock: Clock, heartbeat: Duration,
    scratch: [WorkerScratch], lag: @escaping @Sendable () -> Int64,
    positionIsAwaited: @escaping @Sendable () -> Void
  ) {
    let bell = Bell()
    let counters = PushCounters()
    // Without sessions there is nobody to be woken; who waits for changes or a position is counted as well.
    let window = ChangeWindow { if counters.listeners.value > 0 { bell() } }
    let context = PushContext(
      store: store, window: window, changeLog: changeLog, clock: clock, counters: counters,
      heartbeat: heartbeat,
      lag: lag, signal: { bell() }, positionIsAwaited: positionIsAwaited)
    workers = scratch.enumerated().map { PushWorker(context, index: $0, scratch: $1) }
    self.window = window
    self.counters = counters
    self.bell = bell
    self.store = store
    store.feed.add(window)
  }

  /// Lets push wake the workers of a server; nil when there is none any more.
  func attach(_ ring: (@Sendable () -> Void)?) { bell.attach(ring) }

  var visiblePosition: Position? { store.gate.visible.position }

  func worker(_ index: Int) -> PushWorker { workers[index] }
}

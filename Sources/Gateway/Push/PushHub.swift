import Durability
import Engine
import HTTPWire
import Runtime
import Server
import Synchronization

/// Push as a whole: what each worker knows, and who wakes them.
final class PushHub: Sendable {
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

  /// Rings behind each step.
  private final class StepBell: ChangeListener {
    private let ring: @Sendable () -> Void

    init(_ ring: @escaping @Sendable () -> Void) { self.ring = ring }

    var needsFirstRows: Bool { false }
    func viewsChanged(_ batch: borrowing ChangeBatch) {}
    func changesBecameVisible() { ring() }
  }

  /// - Parameter window: listens to the store's feed.
  init(
    store: ViewStore, window: ChangeWindow, changeLog: ChangeLog?, clock: Clock,
    heartbeat: Duration,
    scratch: [WorkerScratch], lag: @escaping @Sendable () -> Int64,
    positionIsAwaited: @escaping @Sendable () -> Void
  ) {
    let bell = Bell()
    let counters = PushCounters()
    let context = PushContext(
      store: store, window: window, changeLog: changeLog, clock: clock, counters: counters,
      heartbeat: heartbeat,
      lag: lag, signal: { bell() }, positionIsAwaited: positionIsAwaited)
    workers = scratch.enumerated().map { PushWorker(context, index: $0, scratch: $1) }
    self.counters = counters
    self.bell = bell
    self.store = store
    // Without sessions there is nobody to be woken; who waits for changes or a position is counted as well.
    store.feed.add(StepBell { if counters.hasListeners { bell() } })
  }

  /// Lets push wake the workers of a server; nil when there is none any more.
  func attach(_ ring: (@Sendable () -> Void)?) { bell.attach(ring) }

  var visiblePosition: Position? { store.gate.visible.position }

  func worker(_ index: Int) -> PushWorker { workers[index] }
}

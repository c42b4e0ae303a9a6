import Engine
import Synchronization

/// What the threads that hand over, write and read the log have in common.
final class SharedLog: Sendable {
  let handOver: Mutex<HandOver>
  let index: Mutex<LogIndex>
  let history: Mutex<DatabaseOrigin?>
  let status = LogStatus()
  private let gate: ReadGate

  init(_ index: LogIndex, gate: ReadGate) {
    handOver = Mutex(
      HandOver(
        nextSerial: index.nextSerial, views: index.followed.keys.sorted(), position: index.position)
    )
    history = Mutex(index.history)
    self.index = Mutex(index)
    self.gate = gate
  }

  /// Has the log say how far readers are.
  func noteReached() {
    handOver.withLock { $0.add(reached: gate.visible) }
  }
}

extension LoggedView: Comparable {
  /// An order that is the same everywhere.
  package static func < (a: LoggedView, b: LoggedView) -> Bool {
    (a.name.schema, a.name.name, a.generation.value)
      < (b.name.schema, b.name.name, b.generation.value)
  }
}

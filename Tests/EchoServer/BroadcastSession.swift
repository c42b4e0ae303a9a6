import HTTPWire
import Server
import Synchronization

/// A WebSocket or stream that tells the newest of the messages that all are told.
final class BroadcastSession: Session {
  private let broadcast: Broadcast
  private var id: SessionID?
  private var toldNumber = 0
  private let worker: Int

  init(_ broadcast: Broadcast, worker: Int) {
    self.broadcast = broadcast
    self.worker = worker
    toldNumber = broadcast.number
  }

  func begin(_ id: SessionID) {
    self.id = id
    broadcast.listeners[worker].ids.append(id)
  }

  func produce(_ message: inout ByteBuffer) -> Production {
    let number = broadcast.number
    guard number != toldNumber else { return .nothing }
    toldNumber = number
    broadcast.write(number, to: &message)
    return .text
  }

  func receive(_ message: ByteView, isText: Bool) {}

  func drain() {}

  func end() {
    broadcast.listeners[worker].ids.removeAll { $0 == id }
  }
}

/// Numbered messages of 200 bytes, and who is told them.
final class Broadcast: Sendable {
  private let lastNumber = Atomic(0)
  let listeners: [Listeners]

  /// Of one worker, and touched on its queue only.
  final class Listeners: @unchecked Sendable {
    var ids: [SessionID] = []
  }

  init(workerCount: Int) {
    listeners = (0..<workerCount).map { _ in Listeners() }
  }

  /// 180 bytes, beside the 20 in front of them.
  private static let rest: StaticString = """
    ,"padding":"the quick brown fox jumps over the lazy dog, and the five boxing wizards jump quickly; \
    sphinx of black quartz, judge my vow, while the jay, pig, fox, zebra and my wolves quack\"}
    """

  var number: Int { lastNumber.load(ordering: .relaxed) }

  func next() { lastNumber.wrappingAdd(1, ordering: .relaxed) }

  func write(_ number: Int, to message: inout ByteBuffer) {
    message.append("{\"number\":")
    message.append(decimal: number + 1_000_000_000)
    message.append(Self.rest)
  }
}

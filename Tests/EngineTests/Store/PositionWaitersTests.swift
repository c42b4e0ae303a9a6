import Synchronization
import TestSupport
import Testing

@testable import Engine

@Suite struct PositionWaitersTests {
  private struct Model {
    let lsn: LSN
    let deadline: Int64
  }

  /// Beside a plain list of who is there.
  @Test func everyoneIsTakenOnceAtTheFirstPositionThatWillDo() {
    var random = SeededRandom()
    for round in 0..<50 {
      var waiters = PositionWaiters()
      var model: [Model] = []
      var now: Int64 = 0
      var position: UInt64 = 0
      for _ in 0..<200 {
        now += Int64(random.number(0...3))
        switch random.number(0...5) {
        case 0:
          position += UInt64(random.number(0...40))
          let reached = waiters.takeReached(LSN(position)).map(\.lsn).sorted()
          #expect(
            reached == model.map(\.lsn).filter { $0 <= LSN(position) }.sorted(), "round \(round)")
          model.removeAll { $0.lsn <= LSN(position) }
        case 1:
          waiters.removeExpired(now: now)
          model.removeAll { $0.deadline < now }
        default:
          let lsn = LSN(position + UInt64(random.number(1...100)))
          let deadline = now + Int64(random.number(0...60))
          let isIn = waiters.add(.init(lsn: lsn, deadline: deadline) {}, now: now)
          #expect(isIn)
          model.append(Model(lsn: lsn, deadline: deadline))
        }
        #expect(waiters.leastLSN == model.map(\.lsn).min(), "round \(round)")
        #expect(waiters.isEmpty == model.isEmpty, "round \(round)")
      }
    }
  }

  @Test func whoseTimeIsOverMakesRoom() {
    let gate = ReadGate(readers: 1)
    func wait(now: Int64, deadline: Int64) -> ReadGate.WaitOutcome {
      gate.wait(for: LSN(1 << 40), now: now, deadline: deadline) {}
    }
    for number in 0..<ReadGate.waitersMax {
      #expect(wait(now: 0, deadline: number == 0 ? 5 : 100) == .waiting)
    }
    #expect(wait(now: 5, deadline: 100) == .refused)
    #expect(wait(now: 6, deadline: 100) == .waiting)
    #expect(wait(now: 6, deadline: 100) == .refused)
    #expect(gate.hasWaiters(now: 100))
    #expect(!gate.hasWaiters(now: 101))
  }

  @Test func aPositionWakesWhoWaitsForItAndNobodyElse() throws {
    let gate = ReadGate(readers: 1)
    let epoch = try #require(Epoch("e"))
    let woken = Woken()
    for lsn: UInt64 in [300, 100, 200] {
      #expect(gate.wait(for: LSN(lsn), now: 0, deadline: 9) { woken.add(lsn) } == .waiting)
    }
    gate.publish(sequence: 1, position: Position(epoch: epoch, lsn: LSN(250)))
    #expect(woken.all == [100, 200])
    gate.publish(sequence: 2, position: Position(epoch: epoch, lsn: LSN(300)))
    #expect(woken.all == [100, 200, 300])
    #expect(gate.wait(for: LSN(300), now: 0, deadline: 9) {} == .reached)
  }

  private final class Woken: Sendable {
    private let lsns = Mutex<Set<UInt64>>([])

    var all: Set<UInt64> { lsns.withLock { $0 } }

    func add(_ lsn: UInt64) { lsns.withLock { _ = $0.insert(lsn) } }
  }
}

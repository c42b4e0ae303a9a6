import Synchronization
import TestSupport
import Testing

@testable import Engine

/// The window in memory beside one that never forgets.
struct EndpointWindowTests {
  /// Every change of every step, as text.
  private final class Everything: ChangeListener {
    struct Told: Equatable {
      let lsn: LSN
      let view: QualifiedName
      let text: String
    }

    private let record = Mutex<[Told]>([])
    var told: [Told] { record.withLock { $0 } }

    func viewsChanged(_ batch: borrowing ChangeBatch) {
      let lsn = batch.position.lsn
      let changes = batch.changes
      record.withLock { record in
        record += changes.map { change in
          Told(
            lsn: lsn, view: change.view.name,
            text: EndpointWindowTests.text(change.old, change.new, change.view))
        }
      }
    }
  }

  private static func text(_ old: RowRef?, _ new: RowRef?, _ view: LiveView) -> String {
    [old, new].map { $0?.text(view) ?? "-" }.joined(separator: " > ")
  }

  @Test(arguments: [1 << 30, 20_000])
  func whatIsReadIsWhatWasToldOrIsSaidToBeGone(bytesMax: Int) throws {
    var random = SeededRandom()
    for sample in SamplePlan.all(.full) {
      let store = ViewStore(readers: 1, hashSeed: random.next())
      let dataflow = Dataflow(plan: sample.plan, store: store)
      let everything = Everything()
      let rings = Atomic<Int>(0)
      let window = EndpointWindow(bytesMax: bytesMax) { rings.add(1, ordering: .relaxed) }
      store.feed.add(everything)
      store.feed.add(window)
      let views = Set(sample.plan.views.map(\.name))
      var tables = sample.tables()
      var start = 0
      for step in 1...60 {
        // The first steps are a snapshot, of which nothing is to be read.
        if step == 5 { window.record(views) }
        for _ in 0..<random.pick([0, 1, 2, 10]) { try tables.change(&random).feed(dataflow) }
        try dataflow.finishStep(at: try position(step), committedAt: nil, xid: nil)
        if step == 5 {
          window.reached(try position(step))
          start = step
        }
      }
      window.reached(try position(60))
      for view in views {
        for after in 0...60 {
          try compare(window, view, after: after, start: start, everything, bytesMax, &random)
        }
      }
    }
  }

  private func compare(
    _ window: EndpointWindow, _ view: QualifiedName, after: Int, start: Int,
    _ everything: Everything, _ bytesMax: Int, _ random: inout SeededRandom
  ) throws {
    let expected = everything.told.filter { $0.view == view && $0.lsn > LSN(UInt64(after)) }
    var found: [Everything.Told] = []
    var at = try position(after)
    while at.lsn < LSN(60) {
      let reading = window.read(after: at, view: view, changesMax: random.number(1...8))
      guard case .steps(let steps, let end) = reading else {
        let floor = try #require(window.start(of: view)).lsn
        #expect(at.lsn < floor && (bytesMax < 1 << 30 || after < start), "gone without need")
        return
      }
      #expect(end.lsn > at.lsn, "every reading gets somewhere")
      for step in steps {
        found += step.changes.map { change in
          change.withRows { old, new in
            Everything.Told(
              lsn: step.position.lsn, view: view, text: Self.text(old, new, change.view))
          }
        }
      }
      at = end
    }
    #expect(found == expected)
  }

  private func position(_ step: Int, epoch: String = "test") throws -> Position {
    Position(epoch: try #require(Epoch(epoch)), lsn: LSN(UInt64(step)))
  }

  @Test func anotherHistoryBeginsAnew() throws {
    let window = EndpointWindow {}
    let view = QualifiedName(schema: "public", name: "v")
    #expect(window.end(of: view) == nil)
    window.record([view])
    window.reached(try position(10))
    #expect(window.end(of: view) == (try position(10)))
    window.reached(try position(3, epoch: "next"))
    guard
      case .gone(let resumesAt) = window.read(after: try position(10), view: view, changesMax: 1)
    else { return #expect(Bool(false), "positions of two histories were compared") }
    #expect(resumesAt == (try position(3, epoch: "next")))
  }
}

import Synchronization
import TestSupport
import Testing

@testable import Engine

/// The source of webhooks beside one that never forgets.
struct ChangeSourceTests {
  /// Every change of every step, as text; and an archive of them.
  private final class Everything: ChangeListener, ChangeArchive {
    struct Told: Equatable {
      let lsn: LSN
      let view: QualifiedName
      let text: String
    }

    private let steps = Mutex<[RecordedStep]>([])
    /// How far the archive says to be written; nil for all.
    let limit = Mutex<LSN?>(nil)

    func viewsChanged(_ batch: borrowing ChangeBatch) {
      let step = RecordedStep(batch, bytesMax: .max)
      steps.withLock { $0.append(step) }
    }

    func told(of view: QualifiedName, from first: LSN) -> [Told] {
      steps.withLock { $0 }.filter { $0.position.lsn >= first }.flatMap {
        ChangeSourceTests.told($0, of: view)
      }
    }

    // MARK: The archive

    var written: Position? {
      let epoch = steps.withLock { $0.last }?.position.epoch
      return limit.withLock { $0 }.flatMap { limit in epoch.map { Position(epoch: $0, lsn: limit) }
      }
    }

    func start(of view: LiveView) -> Position? { steps.withLock { $0.first }?.position }

    func reaches(_ start: ReadingStart, of view: LiveView) -> Bool {
      guard let first = self.start(of: view) else { return false }
      return start.position.epoch == first.epoch && start.position.lsn >= first.lsn
    }

    func read(_ changes: ArchivedChanges) -> (
      steps: [RecordedStep], end: Position, hasMore: Bool
    )? {
      let behind = steps.withLock { $0 }.filter {
        $0.position.lsn > changes.start.position.lsn && $0.position.lsn <= changes.end
      }
      let page = behind.prefix(3)
      guard !(page.first?.spans(changes.start) ?? false) else { return nil }
      return (Array(page), page.last?.position ?? changes.start.position, behind.count > 3)
    }

    func position(before time: Int64) -> Position? {
      steps.withLock { $0 }.last { $0.committedAt.map { $0 < time } ?? false }?.position
    }
  }

  private static func told(_ step: RecordedStep, of view: QualifiedName) -> [Everything.Told] {
    (step.sections ?? []).filter { $0.view.name == view }.flatMap { section in
      section.changes.map { change in
        let rows = [change.old, change.new].map { $0?.text(section.view) ?? "-" }
        return Everything.Told(
          lsn: step.position.lsn, view: view, text: rows.joined(separator: " > "))
      }
    }
  }

  private struct Stage {
    let store: ViewStore
    let everything = Everything()
    let window: ChangeWindow
    let source: ChangeSource
    let views: [QualifiedName]
    let stepCount: Int

    /// Steps of which some join several, from 1 on; the first is a snapshot.
    init(_ sample: SamplePlan, bytesMax: Int, hasArchive: Bool, _ random: inout SeededRandom)
      throws
    {
      store = ViewStore(readers: 1, hashSeed: random.next())
      window = ChangeWindow(bytesMax: bytesMax, wallTime: { 0 })
      source = ChangeSource(store, window, archive: hasArchive ? everything : nil)
      views = sample.plan.views.map(\.name)
      stepCount = 60
      let dataflow = Dataflow(plan: sample.plan, store: store)
      store.feed.add(everything)
      store.feed.add(window)
      var tables = sample.tables()
      for step in 1...stepCount {
        for _ in 0..<random.pick([0, 1, 2, 10]) { try tables.change(&random).feed(dataflow) }
        try dataflow.finishStep(
          at: try ChangeSourceTests.position(step * 10), committedAt: step == 1 ? nil : Int64(step),
          xid: nil)
      }
    }

    /// Whether the window has only word of a step, and nobody has more.
    func hasLargeStep(_ start: ReadingStart, _ name: QualifiedName) throws -> Bool {
      let view = try #require(store.gate.visible.views[name])
      guard source.archive == nil,
        case .steps(let steps) = window.steps(from: start, upTo: .max, of: view, limit: .max)
      else { return false }
      return steps.contains { $0.changes(of: view) == nil }
    }

    /// All there is from a position on; nil where some of it is gone.
    func read(from start: ReadingStart, _ view: QualifiedName, _ random: inout SeededRandom)
      throws -> [Everything.Told]?
    {
      var (found, place): ([Everything.Told], ReadingStart) = ([], start)
      for _ in 0...10 * stepCount {
        let steps: [RecordedStep]
        let (end, hasMore): (Position, Bool)
        switch source.read(from: place, view: view, changesMax: random.number(1...8)) {
        case .steps(let page, let reached, let isMore):
          (steps, end, hasMore) = (page, reached, isMore)
        case .archived(let changes):
          let page = try #require(everything.read(changes), "\(changes.start)")
          (steps, end, hasMore) = (page.steps, page.end, true)
        case .gone: return nil
        }
        for step in steps { found += ChangeSourceTests.told(step, of: view) }
        #expect(end.lsn >= place.position.lsn, "reading goes back")
        guard hasMore else { return found }
        #expect(end.lsn > place.position.lsn, "every reading gets somewhere")
        place = .after(end)
      }
      Issue.record("reading does not end")
      return nil
    }
  }

  private static func position(_ lsn: Int, epoch: String = "test") throws -> Position {
    Position(epoch: try #require(Epoch(epoch)), lsn: LSN(UInt64(lsn)))
  }

  @Test(arguments: [1 << 30, 20_000], [false, true])
  func whatIsReadIsWhatHappenedOrIsSaidToBeGone(bytesMax: Int, hasArchive: Bool) throws {
    var random = SeededRandom()
    for sample in SamplePlan.all(.full) {
      let stage = try Stage(sample, bytesMax: bytesMax, hasArchive: hasArchive, &random)
      for view in stage.views {
        let start = try #require(stage.source.start(of: view)).lsn
        #expect(start == LSN(10) || (bytesMax < 1 << 30 && !hasArchive), "something is forgotten")
        for _ in 0..<10 {
          // Steps lie at tens.
          let lsn = 5 * random.number(1...2 * stage.stepCount)
          let position = try Self.position(lsn)
          let behind = try stage.read(from: .after(position), view, &random)
          if let behind {
            try #require(behind == stage.everything.told(of: view, from: LSN(UInt64(lsn + 1))))
          }
          #expect(
            (behind != nil)
              == (try position.lsn >= start && !stage.hasLargeStep(.after(position), view)),
            "after \(position) of \(view)")
          let from = try stage.read(from: .at(position), view, &random)
          if let from {
            try #require(from == stage.everything.told(of: view, from: LSN(UInt64(lsn))))
          }
          #expect(
            (from != nil) == (try position.lsn > start && !stage.hasLargeStep(.at(position), view)),
            "at \(position) of \(view)")
        }
      }
    }
  }

  @Test func nothingIsToldBeforeItIsWritten() throws {
    var random = SeededRandom()
    let sample = SamplePlan.all(.full)[0]
    let stage = try Stage(sample, bytesMax: 1 << 30, hasArchive: true, &random)
    let view = stage.views[0]
    for limit in stride(from: 15, through: stage.stepCount * 10, by: 35) {
      stage.everything.limit.withLock { $0 = LSN(UInt64(limit)) }
      let found = try #require(
        try stage.read(from: .after(try Self.position(10)), view, &random))
      let all = stage.everything.told(of: view, from: LSN(11))
      #expect(found == all.filter { $0.lsn <= LSN(UInt64(limit)) })
      #expect(stage.source.end(of: view)?.lsn == LSN(UInt64(limit)))
    }
  }

  @Test func whoStandsInsideOfAStepIsToldSo() throws {
    let batch = ChangeBatch(
      sequence: 1, position: try Self.position(50), committedAt: nil, xid: nil,
      spansFrom: try Self.position(20), changes: [])
    let step = RecordedStep(batch, bytesMax: 0)
    let spanned = try (18...52).filter { step.spans(.after(try Self.position($0))) }
    #expect(spanned == Array(21...49))
    // From the step's own position on, or from where the one before it ended.
    let spannedAt = try (18...52).filter { step.spans(.at(try Self.position($0))) }
    #expect(spannedAt == Array(22...49))
    #expect(!step.spans(.after(try Self.position(30, epoch: "next"))))
  }

  @Test func aTimeLeadsToWhatWasCommittedSince() throws {
    var random = SeededRandom()
    for sample in SamplePlan.all(.full) {
      let stage = try Stage(sample, bytesMax: 20_000, hasArchive: false, &random)
      let view = try #require(stage.store.gate.visible.views.views.first)
      let start = try #require(stage.window.start(of: view))
      let known = stage.everything
      for time in 1...stage.stepCount + 1 {
        let found = stage.window.position(before: Int64(time))
        guard let found else {
          #expect(start.lsn >= LSN(UInt64(time - 1) * 10), "step \(time) is there")
          continue
        }
        for view in stage.views {
          let since = known.told(of: view, from: LSN(found.lsn.value + 1))
          #expect(since == known.told(of: view, from: LSN(UInt64(max(time, 2)) * 10)))
        }
      }
    }
  }

  @Test func anotherHistoryBeginsAnew() throws {
    var random = SeededRandom()
    let stage = try Stage(SamplePlan.all(.full)[0], bytesMax: 1 << 30, hasArchive: false, &random)
    let view = stage.views[0]
    let reading = stage.source.read(
      from: .after(try Self.position(100, epoch: "old")), view: view, changesMax: 1)
    guard case .gone(let resumesAt) = reading else {
      Issue.record("positions of two histories were compared")
      return
    }
    #expect(resumesAt == stage.source.end(of: view))
    let unknown = QualifiedName(schema: "public", name: "nothing")
    #expect(stage.source.end(of: unknown) == nil)
  }

  @Test func whatAnotherInstanceWasFasterWithIsWaitedFor() throws {
    var random = SeededRandom()
    let stage = try Stage(SamplePlan.all(.full)[0], bytesMax: 1 << 30, hasArchive: false, &random)
    let ahead = try Self.position(10_000)
    let reading = stage.source.read(from: .after(ahead), view: stage.views[0], changesMax: 1)
    guard case .steps(let steps, let end, false) = reading else {
      Issue.record("\(reading)")
      return
    }
    #expect(steps.isEmpty && end == ahead)
  }
}

import Foundation
import Logging
import Runtime
import TestSupport
import Testing

@testable import Durability
@testable import Engine

/// A folder that goes with it.
final class Folder {
  let path = NSTemporaryDirectory() + "onhand-log-\(UUID().uuidString)"

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var segments: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
      .filter { $0.hasPrefix("log-") }.sorted().map { "\(path)/\($0)" }
  }

  var checkpoint: String { "\(path)/checkpoint" }
}

/// What the view was at a position.
struct Moment {
  let position: Position
  let rows: RandomSteps.Rows
}

/// One process's part of a log, from its start to its end.
struct Instance {
  let log: ChangeLog
  let steps: RandomSteps
  let rest: RestPoint

  static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// - Parameter starts: whether it writes; otherwise it only has what was found.
  init(_ path: String, bytes: Int = 64 << 20, starts: Bool = true) throws {
    ThrowHook.leaveInParent()
    var retention = LogRetention()
    retention.bytes = bytes
    let store = ViewStore(
      readers: 1, hashSeed: ChangeLog.hashSeed(in: path) ?? .random(in: 0 ... .max))
    log = try ChangeLog(path, retention, store: store, clock: Clock(), logger: Self.quiet)
    let rest = RestPoint()
    self.rest = rest
    log.attach(
      EngineAccess(
        atRest: { rest.wait($0) }, stepCount: { rest.stepCount },
        positionIsKept: { rest.keep($0) }))
    if starts {
      store.feed.add(log)
      log.start()
    }
    steps = RandomSteps(store, after: log.status.current.durable)
    steps.ended = { rest.stepEnded() }
  }

  var moment: Moment { Moment(position: steps.position, rows: steps.rows) }

  func write(
    _ count: Int, _ random: inout SeededRandom, textBytes: Int = 20, _ moments: inout [Moment]
  ) {
    for _ in 0..<count {
      if random.oneIn(9) { steps.idle(&random) }
      steps.next(&random, textBytes: textBytes)
      moments.append(moment)
    }
  }

  func close() async {
    rest.end()
    await withCheckedContinuation { continuation in log.stop { continuation.resume() } }
  }

  func flush() async -> Bool {
    await withCheckedContinuation { continuation in
      log.writer.flush { continuation.resume(returning: $0) }
    }
  }

  /// Returns once a checkpoint includes all that was handed over.
  func checkpoint() async throws {
    let serial = log.shared.handOver.withLock { $0.nextSerial - 1 }
    let end = ContinuousClock.now + .seconds(300)
    while log.checkpointer.includedUpTo < serial {
      log.checkpointer.hurry()
      log.checkpointer.runIfDue()
      rest.give()
      try await Task.sleep(for: .milliseconds(5))
      try #require(ContinuousClock.now < end, "no checkpoint")
    }
  }

  /// All steps of the view behind a position, and where they lead; nil if they are not there.
  func past(after position: Position) -> (steps: [RecordedStep], position: Position)? {
    guard var place = log.place(after: position, of: steps.view) else { return nil }
    var found: [RecordedStep] = []
    var reached = position
    while let past = log.read(
      from: place, after: reached, upTo: LSN(.max), of: steps.view, bytesMax: 1_000)
    {
      found += past.steps
      reached = past.position
      guard let next = past.next else { return (found, reached) }
      place = next
    }
    return nil
  }

  /// Looks whether those who come back from some moments learn what `end` was.
  func expect(
    from moments: [Moment], leadTo end: Moment, _ random: inout SeededRandom, _ place: String = ""
  ) throws {
    for _ in 0..<8 {
      let moment = random.pick(moments)
      let found = try #require(past(after: moment.position), "\(moment.position) \(place)")
      var rows = moment.rows
      steps.apply(found.steps, to: &rows)
      try #require(rows == end.rows, "after \(moment.position) \(place)")
      try #require(found.position == end.position, "\(place)")
    }
  }
}

import Runtime
import TestSupport
import Testing

@testable import Durability
@testable import Engine

/// The log as webhooks read it, beside all that was written.
struct ArchiveTests {
  private struct Told: Equatable {
    let position: Position
    let changes: Int
  }

  private static func told(_ steps: [RecordedStep]) -> [Told] {
    steps.map { step in
      Told(
        position: step.position, changes: (step.sections ?? []).reduce(0) { $0 + $1.changes.count })
    }
  }

  /// All behind a place, page by page; nil where it is not there.
  private static func read(_ instance: Instance, from start: ReadingStart) -> [Told]? {
    var (found, place): ([Told], ReadingStart) = ([], start)
    let view = instance.steps.view
    guard instance.log.reaches(start, of: view) else { return nil }
    while true {
      guard
        let page = instance.log.read(
          ArchivedChanges(start: place, view: view, end: LSN(.max)))
      else { return nil }
      found += told(page.steps)
      guard page.hasMore else { return found }
      place = .after(page.end)
    }
  }

  @Test func everyStepIsReadFromItsOwnPositionAlsoAfterARestart() async throws {
    var random = SeededRandom()
    let folder = Folder()
    var moments: [Moment] = []
    var before: [Told]?
    for round in 0..<3 {
      let instance = try Instance(folder.path)
      instance.write(200, &random, textBytes: 3_000, &moments)
      try #require(await instance.flush())
      try #require(instance.log.written == instance.steps.position)
      let oldest = try #require(moments.first).position
      let all = try #require(Self.read(instance, from: .after(oldest)))
      if let before { #expect(Array(all.prefix(before.count)) == before, "round \(round)") }
      for (index, step) in all.enumerated() where random.oneIn(20) {
        #expect(Self.read(instance, from: .at(step.position)) == Array(all[index...]))
        #expect(Self.read(instance, from: .after(step.position)) == Array(all[(index + 1)...]))
      }
      before = all
      try await instance.checkpoint()
      await instance.close()
    }
  }

  @Test func aTimeLeadsToWhatWasCommittedSince() async throws {
    var random = SeededRandom()
    let folder = Folder()
    var moments: [Moment] = []
    let instance = try Instance(folder.path, bytes: 1 << 20)
    let began = Clock().wallMicroseconds
    instance.write(1_500, &random, textBytes: 1_000, &moments)
    try #require(await instance.flush())
    let view = instance.steps.view
    let start = try #require(instance.log.start(of: view))
    var times: [(position: Position, time: Int64)] = []
    var page = try #require(
      instance.log.read(ArchivedChanges(start: .after(start), view: view, end: LSN(.max))))
    while true {
      times += page.steps.compactMap { step in step.committedAt.map { (step.position, $0) } }
      guard page.hasMore else { break }
      page = try #require(
        instance.log.read(ArchivedChanges(start: .after(page.end), view: view, end: LSN(.max))))
    }
    try #require(times.count > 100)
    for _ in 0..<30 {
      let (position, time) = random.pick(times)
      let found = try instance.log.position(before: time)
      guard let first = times.firstIndex(where: { $0.time >= time }), first > 0 else { continue }
      let behind = try #require(found, "\(position)")
      let next = times.first { $0.position.lsn > behind.lsn }
      #expect(next?.position == times[first].position)
    }
    #expect(try instance.log.position(before: began) == nil, "it is not known")
    // The step at the start is told of only if its segment is still there.
    let beforeFirst = try instance.log.position(before: times[0].time)
    #expect(beforeFirst == nil || beforeFirst == start)
    #expect(try instance.log.position(before: .max) == instance.log.written)
    await instance.close()
  }

  @Test func whatRetentionRemovedIsGone() async throws {
    var random = SeededRandom()
    let folder = Folder()
    var moments: [Moment] = []
    let instance = try Instance(folder.path, bytes: 1 << 20)
    let view = instance.steps.view
    instance.write(10, &random, &moments)
    try #require(await instance.flush())
    let old = instance.steps.position
    #expect(instance.log.reaches(.after(old), of: view))
    while instance.log.reaches(.after(old), of: view) {
      instance.write(300, &random, textBytes: 2_000, &moments)
      try #require(await instance.flush())
      try await instance.checkpoint()
      try #require(moments.count < 100_000, "nothing is removed")
    }
    #expect(Self.read(instance, from: .after(old)) == nil)
    let start = try #require(instance.log.start(of: view))
    #expect(old.lsn < start.lsn)
    #expect(Self.read(instance, from: .after(start)) != nil)
    await instance.close()
  }
}

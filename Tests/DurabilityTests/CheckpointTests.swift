import Foundation
import TestSupport
import Testing

@testable import Durability
@testable import Engine

/// What is restored, and the rule for each thing that may be amiss.
@Suite struct CheckpointTests {
  /// A folder with a checkpoint in the midst of a log, and what the view was at its end.
  private static func fill(_ folder: Folder, _ random: inout SeededRandom) async throws -> [Moment]
  {
    let instance = try Instance(folder.path, bytes: 4 << 20)
    var moments: [Moment] = []
    instance.write(200, &random, &moments)
    try await instance.checkpoint()
    instance.write(100, &random, &moments)
    await instance.close()
    return moments
  }

  /// Opens the folder and returns what is published, which is nothing where all begins anew.
  private static func restored(_ folder: Folder) async throws -> Moment? {
    let instance = try Instance(folder.path, bytes: 4 << 20)
    defer { withExtendedLifetime(instance) {} }
    let visible = instance.steps.store.gate.visible
    let moment = visible.position.map { Moment(position: $0, rows: instance.steps.published) }
    #expect(moment == nil || visible.staleSince != nil)
    await instance.close()
    return moment
  }

  @Test func rowsAreAsTheyWerePublishedLast() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let moments = try await Self.fill(folder, &random)
    let last = try #require(moments.last)
    let found = try #require(try await Self.restored(folder))
    #expect(found.rows == last.rows)
    #expect(found.position == last.position)
  }

  /// Changes go on while it is written; with what follows in the log it is exact.
  @Test func checkpointsAreTakenWhileChangesGoOn() async throws {
    var random = SeededRandom()
    for _ in 0..<5 {
      let folder = Folder()
      let instance = try Instance(folder.path)
      for _ in 0..<2_000 { instance.steps.next(&random, key: 1...20_000, changes: 40) }
      instance.log.checkpointer.hurry()
      instance.log.checkpointer.runIfDue()
      while instance.log.status.checkpoints.value == 0 {
        instance.log.checkpointer.runIfDue()
        instance.steps.next(&random, key: 1...20_000, changes: 40)
      }
      let last = instance.moment
      await instance.close()
      let found = try #require(try await Self.restored(folder))
      #expect(found.rows == last.rows)
      #expect(found.position == last.position)
    }
  }

  @Test func damageAnywhereInTheCheckpointBeginsAnew() async throws {
    var random = SeededRandom()
    let folder = Folder()
    _ = try await Self.fill(folder, &random)
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.checkpoint))
    for _ in 0..<200 {
      var bytes = whole
      if random.oneIn(2) {
        bytes.removeLast(random.number(1...bytes.count))
      } else {
        bytes[random.number(0...bytes.count - 1)] ^= UInt8(random.number(1...255))
      }
      try bytes.write(to: URL(fileURLWithPath: folder.checkpoint))
      #expect(try await Self.restored(folder) == nil)
    }
  }

  @Test func withoutACheckpointAllBeginsAnew() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let moments = try await Self.fill(folder, &random)
    try FileManager.default.removeItem(atPath: folder.checkpoint)
    let instance = try Instance(folder.path, bytes: 4 << 20)
    var later: [Moment] = []
    instance.write(10, &random, &later)
    #expect(await instance.flush())
    // Nothing of the log before leads to what is published now.
    #expect(moments.allSatisfy { instance.past(after: $0.position) == nil })
    await instance.close()
  }

  @Test func aLogThatBeginsBehindTheCheckpointBeginsAnew() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path, bytes: 1 << 20)
    var moments: [Moment] = []
    instance.write(10, &random, &moments)
    try await instance.checkpoint()
    let checkpoint = try Data(contentsOf: URL(fileURLWithPath: folder.checkpoint))
    instance.write(2_000, &random, textBytes: 100, &moments)
    await instance.close()
    // Another may have been written meanwhile.
    try checkpoint.write(to: URL(fileURLWithPath: folder.checkpoint))
    for path in folder.segments.prefix(2) { try FileManager.default.removeItem(atPath: path) }
    #expect(try await Self.restored(folder) == nil)
  }

  /// Where nothing has changed since, the checkpoint leads further than its own position: a server that ends before that was set back.
  @Test func howFarACheckpointLeadsIsKnownWithoutALog() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path)
    instance.log.historyBegins(DatabaseOrigin(systemIdentifier: 1, timeline: 1, rewinds: 0))
    var moments: [Moment] = []
    instance.write(50, &random, &moments)
    try await instance.checkpoint()
    await instance.close()
    let start = try CheckpointFile.Reader(StoredFile(path: folder.checkpoint, creates: false)).start
    let further = Position(
      epoch: start.position.epoch, lsn: LSN(start.position.lsn.value + 1_000))
    let directory = try DataDirectory(folder.path)
    try IdleNote(checkpoint: start.id, position: further).write(to: directory)
    directory.release()
    for path in folder.segments { try FileManager.default.removeItem(atPath: path) }
    let again = try Instance(folder.path, starts: false)
    #expect(again.log.past?.position == further)
    await again.close()
  }

  @Test func aLogThatEndsBeforeTheCheckpointIsForgotten() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path)
    var moments: [Moment] = []
    instance.write(50, &random, &moments)
    try await instance.checkpoint()
    let last = instance.moment
    await instance.close()
    let path = try #require(folder.segments.last)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path))
    let again = try Instance(folder.path)
    #expect(again.steps.published == last.rows)
    #expect(again.past(after: moments[0].position) == nil)
    // And it goes on from there.
    var later = [Moment(position: again.steps.position, rows: again.steps.rows)]
    again.write(20, &random, &later)
    #expect(await again.flush())
    try again.expect(from: later, leadTo: again.moment, &random)
    let end = again.moment
    await again.close()
    let found = try #require(try await Self.restored(folder))
    #expect(found.rows == end.rows)
  }

  @Test func changesLostBehindTheCheckpointLetTheViewBeginAnew() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path)
    var moments: [Moment] = []
    instance.write(50, &random, &moments)
    try await instance.checkpoint()
    // The next look for a checkpoint is up to a second away.
    instance.steps.next(&random, key: 99...99, textBytes: 17 << 20)
    await instance.close()
    let found = try await Self.restored(folder)
    #expect(found?.rows.isEmpty ?? true)
  }
}

import Foundation
import TestSupport
import Testing

@testable import Durability
@testable import Engine

/// The log on real files: what is in it after stops, cuts, damage and too much.
@Suite struct ChangeLogTests {
  @Test func whatWasHandedOverIsReadFromAnywhereAlsoAfterARestart() async throws {
    var random = SeededRandom()
    let folder = Folder()
    var moments: [Moment] = []
    for round in 0..<5 {
      let instance = try Instance(folder.path, bytes: 1 << 20)
      if let last = moments.last {
        #expect(instance.steps.published == last.rows)
        #expect(instance.steps.position == last.position)
      }
      instance.write(300, &random, &moments)
      #expect(await instance.flush())
      #expect(instance.log.status.current.durable == instance.steps.position)
      try instance.expect(from: moments, leadTo: instance.moment, &random, "round \(round)")
      if round.isMultiple(of: 2) { try await instance.checkpoint() }
      instance.write(100, &random, &moments)
      await instance.close()
    }
    #expect(folder.segments.count > 1)
  }

  @Test func aCutAnywhereLosesTheEndAndNothingElse() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path)
    var moments: [Moment] = []
    instance.write(12, &random, &moments)
    await instance.close()
    let path = try #require(folder.segments.first)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var steps = 0
    for end in 0...whole.count {
      // Zeros, as a file system may leave them.
      let rest = random.oneIn(3) ? Data(count: 50) : Data()
      try (whole[..<end] + rest).write(to: URL(fileURLWithPath: path))
      let cut = try Instance(folder.path, starts: false)
      let position = cut.log.status.current.durable
      // At the first position, the views may not be named yet.
      if let known = moments.firstIndex(where: { $0.position == position }),
        known > 0 || cut.log.place(after: moments[0].position, of: cut.steps.view) != nil
      {
        try cut.expect(
          from: Array(moments[...known]), leadTo: moments[known], &random, "cut at \(end)")
        steps = max(steps, known)
      }
      await cut.close()
    }
    #expect(steps == moments.count - 1)
  }

  @Test func whatIsBehindACutGoesOn() async throws {
    var random = SeededRandom()
    let folder = Folder()
    var moments: [Moment] = []
    for round in 0..<20 {
      let instance = try Instance(folder.path)
      instance.write(20, &random, &moments)
      if round == 0 { try await instance.checkpoint() }
      #expect(await instance.flush())
      try instance.expect(from: moments, leadTo: instance.moment, &random)
      await instance.close()
      // Half a frame behind the end: nothing of it was told to be durable.
      let path = try #require(folder.segments.last)
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data((0..<random.number(1...40)).map { UInt8($0) }))
      try file.close()
    }
  }

  @Test func damageBeforeTheLastSegmentForgetsWhatIsOlder() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path, bytes: 1 << 20)
    var moments: [Moment] = []
    instance.write(2_000, &random, textBytes: 100, &moments)
    await instance.close()
    let before = folder.segments
    try #require(before.count >= 4)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: before[1]))
    bytes[random.number(0...bytes.count - 1)] ^= 0x40
    try bytes.write(to: URL(fileURLWithPath: before[1]))

    let again = try Instance(folder.path, bytes: 1 << 20, starts: false)
    #expect(folder.segments == Array(before[2...]))
    #expect(again.past(after: moments[0].position) == nil)
    let kept = moments.filter { again.log.place(after: $0.position, of: again.steps.view) != nil }
    try #require(kept.count > 100)
    let last = try #require(moments.last)
    try again.expect(from: kept, leadTo: last, &random)
    await again.close()
  }

  @Test func theOldestGoWhenThereIsTooMuch() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path, bytes: 300_000)
    var moments: [Moment] = []
    for _ in 0..<10 {
      instance.write(400, &random, textBytes: 200, &moments)
      #expect(await instance.flush())
      // What it does not include is never removed.
      try await instance.checkpoint()
    }
    #expect(await instance.flush())
    let size = try folder.segments.reduce(0) { sum, path in
      sum + (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0)
    }
    #expect(size < 300_000 + 2 * 65_536 + 400_000)
    #expect(instance.past(after: moments[0].position) == nil)
    let kept = moments.filter {
      instance.log.place(after: $0.position, of: instance.steps.view) != nil
    }
    try #require(kept.count > 100)
    try instance.expect(from: kept, leadTo: instance.moment, &random)
    await instance.close()
  }

  @Test func noTwoShareAFolder() async throws {
    let folder = Folder()
    let first = try Instance(folder.path)
    #expect(throws: DataDirectory.Occupied.self) { try Instance(folder.path) }
    await first.close()
    let second = try Instance(folder.path)
    await second.close()
  }

  @Test func stepsThatAreTooLargeAreToldAsLost() async throws {
    var random = SeededRandom()
    let folder = Folder()
    let instance = try Instance(folder.path)
    var moments: [Moment] = []
    instance.write(20, &random, &moments)
    instance.steps.next(&random, key: 99...99, textBytes: 17 << 20)
    try #require(instance.log.status.lostSteps.value == 1)
    var later = [instance.moment]
    instance.write(20, &random, &later)
    #expect(await instance.flush())
    #expect(moments.allSatisfy { instance.past(after: $0.position) == nil })
    try instance.expect(from: later, leadTo: instance.moment, &random)
    await instance.close()
  }
}

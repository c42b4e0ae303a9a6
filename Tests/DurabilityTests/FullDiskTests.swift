import Foundation
import Glibc
import TestSupport
import Testing

@testable import Durability
@testable import Engine

/// A file system of two megabytes, where this process may make one.
private final class SmallDisk {
  let path = NSTemporaryDirectory() + "onhand-disk-\(UUID().uuidString)"

  init?() {
    guard mkdir(path, 0o700) == 0 else { return nil }
    guard mount("none", path, "tmpfs", 0, "size=2m") == 0 else {
      rmdir(path)
      return nil
    }
  }

  deinit {
    umount2(path, 2)
    rmdir(path)
  }

  static let canBeMade = SmallDisk() != nil

  /// Takes what is left.
  func fill() throws {
    var size = 1 << 20
    let file = try StoredFile(path: "\(path)/ballast-\(UUID().uuidString)", creates: true)
    var offset = 0
    let zeros = [UInt8](repeating: 0, count: size)
    while size > 0 {
      do {
        try zeros.withUnsafeBytes {
          try file.write(UnsafeRawBufferPointer(rebasing: $0[..<size]), at: offset)
        }
        offset += size
      } catch is FileFault { size /= 2 }
    }
  }

  func empty() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: path)
    where name.hasPrefix("ballast") {
      try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
  }
}

/// A disk that is full: serving goes on, nothing is called durable that is not, and what is missing is told.
@Suite struct FullDiskTests {
  @Test(.enabled(if: SmallDisk.canBeMade))
  func aCheckpointThatHasNoRoomLeavesTheOneBefore() async throws {
    var random = SeededRandom()
    let disk = try #require(SmallDisk())
    let instance = try Instance("\(disk.path)/data")
    let status = instance.log.status
    var moments: [Moment] = []
    instance.write(100, &random, textBytes: 1_000, &moments)
    try await instance.checkpoint()
    instance.write(1, &random, textBytes: 1_000, &moments)
    #expect(await instance.flush())
    let end = ContinuousClock.now + .seconds(300)
    var before = Data()
    while status.checkpointFailures.value < 2 {
      // Again and again: one that is under way may end, and make room by taking the place of the one before.
      try disk.fill()
      if status.checkpointFailures.value == 1, before.isEmpty {
        before = try Data(contentsOf: URL(fileURLWithPath: "\(disk.path)/data/checkpoint"))
      }
      instance.log.checkpointer.hurry()
      instance.log.checkpointer.runIfDue()
      instance.rest.give()
      try await Task.sleep(for: .milliseconds(5))
      try #require(ContinuousClock.now < end)
    }
    let after = try Data(contentsOf: URL(fileURLWithPath: "\(disk.path)/data/checkpoint"))
    #expect(after == before)
    try disk.empty()
    try await instance.checkpoint()
    #expect(instance.rest.kept == instance.steps.position)
    await instance.close()
  }

  @Test(.enabled(if: SmallDisk.canBeMade)) func aFullDiskIsToldAndGotOver() async throws {
    var random = SeededRandom()
    let disk = try #require(SmallDisk())
    let instance = try Instance("\(disk.path)/data")
    let status = instance.log.status
    var moments: [Moment] = []
    instance.write(20, &random, &moments)
    #expect(await instance.flush())
    try disk.fill()
    instance.write(300, &random, textBytes: 100, &moments)
    #expect(await instance.flush() == false)
    guard case .diskFull = status.current.state else {
      Issue.record("\(status.current.state)")
      return
    }
    // Whatever fitted is durable; the rest is in memory.
    let durable = status.current.durable
    #expect(durable.map { $0.lsn < instance.steps.position.lsn } ?? false)
    #expect(instance.steps.published == instance.steps.rows)
    try disk.empty()
    #expect(await instance.flush())
    #expect(status.current.state == .writing)
    #expect(status.current.durable == instance.steps.position)
    #expect(status.lostSteps.value == 0)
    try instance.expect(from: moments, leadTo: instance.moment, &random)

    // Longer than memory is to hold it.
    try disk.fill()
    var lost: [Moment] = []
    for id in 0..<100 {
      instance.steps.next(&random, key: id...id, textBytes: 1 << 20)
      lost.append(instance.moment)
    }
    #expect(status.lostSteps.value > 0)
    try disk.empty()
    // A small disk has no room for all that memory held.
    await instance.close()
    let again = try Instance("\(disk.path)/data", starts: false)
    let kept = try #require(again.log.status.current.durable)
    let known = (moments + lost).filter { $0.position.lsn <= kept.lsn }
    let last = try #require(known.last)
    #expect(last.position == kept || known.count == (moments + lost).count)
    try again.expect(from: Array(known.suffix(5)), leadTo: last, &random)
    await again.close()
  }
}

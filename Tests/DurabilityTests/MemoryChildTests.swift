import Foundation
import Glibc
import Runtime
import Testing

@testable import Durability

/// A child that has this process's memory: what comes of it is known in every case.
@Suite struct MemoryChildTests {
  private struct Oddity: Error {}

  private static func ending(
    _ folder: Folder, lifetimeMax: Duration = MemoryChild.lifetimeMax,
    _ body: (StoredFile) throws -> Void
  ) throws -> MemoryChild.Ending {
    ThrowHook.leaveInParent()
    let directory = try DataDirectory(folder.path)
    let file = try directory.file("draft-\(UUID().uuidString)", creates: true)
    let child = try MemoryChild.fork(writing: file, clock: Clock(), lifetimeMax: lifetimeMax) {
      _ in try body(file)
    }
    #expect(child.pause > 0)
    return try ending(of: child, file)
  }

  private static func ending(of child: MemoryChild, _ file: StoredFile) throws -> MemoryChild.Ending
  {
    let end = ContinuousClock.now + .seconds(300)
    while true {
      if let ending = child.ending(path: file.path) { return ending }
      try #require(ContinuousClock.now < end)
      usleep(2_000)
    }
  }

  @Test func itWritesWhatMemoryWasAtTheFork() throws {
    let folder = Folder()
    var memory = Array(repeating: UInt8(7), count: 1 << 20)
    let directory = try DataDirectory(folder.path)
    let file = try directory.file("draft", creates: true)
    let child = try MemoryChild.fork(writing: file, clock: Clock()) { check in
      // Until its parent has changed its own.
      usleep(50_000)
      try check()
      try memory.withUnsafeBytes { try file.write($0, at: 0) }
      try file.sync()
    }
    for index in memory.indices { memory[index] = 9 }
    let ending = try Self.ending(of: child, file)
    guard case .complete = ending else {
      Issue.record("\(ending)")
      return
    }
    let written = try Data(contentsOf: URL(fileURLWithPath: file.path))
    #expect(written.count == memory.count && written.allSatisfy { $0 == 7 })
  }

  @Test func whatTheFileSystemSaidIsTold() throws {
    let ending = try Self.ending(Folder()) { file in
      throw FileFault("write", file.path, ENOSPC)
    }
    guard case .failed(let fault) = ending else {
      Issue.record("\(ending)")
      return
    }
    #expect(fault.isFull)
  }

  @Test func whoGivesUpIsKnown() throws {
    let ending = try Self.ending(Folder()) { _ in throw Oddity() }
    guard case .gaveUp = ending else {
      Issue.record("\(ending)")
      return
    }
  }

  /// As one would that waits for a lock of a thread that it does not have.
  @Test func whoNeverEndsIsKilled() throws {
    let folder = Folder()
    defer { withExtendedLifetime(folder) {} }
    let directory = try DataDirectory(folder.path)
    let file = try directory.file("draft", creates: true)
    let child = try MemoryChild.fork(writing: file, clock: Clock()) { _ in while true { pause() } }
    usleep(20_000)
    #expect(child.ending(path: file.path) == nil)
    child.kill()
    let ending = try Self.ending(of: child, file)
    guard case .killed(SIGKILL) = ending else {
      Issue.record("\(ending)")
      return
    }
  }

  /// As one whose parent was killed.
  @Test func whoNeverEndsEndsByItself() throws {
    let ending = try Self.ending(Folder(), lifetimeMax: .seconds(1)) { _ in while true { pause() } }
    guard case .killed(SIGALRM) = ending else {
      Issue.record("\(ending)")
      return
    }
  }

  /// Nobody's sockets stay open for a child's sake.
  @Test func itHasNothingOpenButItsFile() throws {
    let ending = try Self.ending(Folder()) { file in
      for descriptor in Int32(0)..<256 where descriptor != file.descriptor {
        guard fcntl(descriptor, F_GETFD) == -1 else { throw Oddity() }
      }
      guard fcntl(file.descriptor, F_GETFD) != -1 else { throw Oddity() }
    }
    guard case .complete = ending else {
      Issue.record("\(ending)")
      return
    }
  }
}

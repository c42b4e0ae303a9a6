import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A child forked between two steps, while other threads hold the locks of the views' tables.
@Suite(.serialized) struct ForkedWriterTests {
  /// Swift hides it, since most of what one could do in the child is wrong.
  private static let fork: (@convention(c) () -> pid_t)? = {
    dlsym(nil, "fork").map { unsafeBitCast($0, to: (@convention(c) () -> pid_t).self) }
  }()

  @Test func aChildWritesTheStateWhileReadersRead() throws {
    var random = SeededRandom()
    let sample = try #require(SamplePlan.all(.key([0])).first { $0.name == "aggregates" })
    let trial = StateTrial(sample.plan, seed: random.next())
    var tables = sample.tables()
    let isOver = Atomic(false)
    let reads = Atomic(0)
    for step in 1...3 {
      for _ in 0..<30 { try tables.change(&random).feed(trial.dataflow) }
      try trial.finishStep(step)
    }
    let store = trial.store
    let view = store.gate.visible.views.views[0]
    let threads = (0..<2).map { _ in
      Thread {
        while !isOver.load(ordering: .relaxed) {
          view.table.forEachRow(at: .max) { _ in }
          reads.add(1, ordering: .relaxed)
        }
      }
    }
    defer { isOver.store(true, ordering: .relaxed) }
    for thread in threads { thread.start() }
    while reads.load(ordering: .relaxed) < 10 { sched_yield() }
    for step in 4...60 {
      for _ in 0..<5 { try tables.change(&random).feed(trial.dataflow) }
      try trial.finishStep(step)
      let expected = try trial.state()
      let written = try Self.writtenByChild(of: trial)
      try #require(written == expected, "step \(step)")
    }
  }

  /// What a child writes to a pipe; nothing if it has not ended after a while.
  private static func writtenByChild(of trial: StateTrial) throws -> [UInt8] {
    let fork = try #require(fork)
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let child = fork()
    if child == 0 { write(trial, to: ends[1]) }
    close(ends[1])
    defer { close(ends[0]) }
    try #require(child > 0)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var isLate = false
    while true {
      var wait = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
      // Long, since machines are busy; a child that waits for a lock would wait for ever.
      guard poll(&wait, 1, 60_000) > 0 else {
        isLate = true
        kill(child, SIGKILL)
        break
      }
      let count = read(ends[0], &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    try #require(!isLate, "the child waits for a lock that nobody holds")
    try #require(status == 0)
    return bytes
  }

  private static func write(_ trial: StateTrial, to descriptor: Int32) -> Never {
    var writer = StateWriter { block in
      var left = block
      while let base = left.baseAddress, !left.isEmpty {
        let count = Foundation.write(descriptor, base, left.count)
        guard count > 0 else { _exit(2) }
        left = UnsafeRawBufferPointer(rebasing: left[count...])
      }
    }
    do {
      try trial.dataflow.writeState(to: &writer)
      try trial.dataflow.writeRows(to: &writer)
      try writer.finish()
    } catch { _exit(3) }
    _exit(0)
  }
}

import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A dataflow with its store and what it told, to be compared with another one that was restored from it.
final class StateTrial {
  let plan: Plan
  let store: ViewStore
  let dataflow: Dataflow
  let recorder = ChangeRecorder()

  init(_ plan: Plan, seed: UInt64) {
    self.plan = plan
    store = ViewStore(readers: 1, hashSeed: seed)
    dataflow = Dataflow(plan: plan, store: store)
    store.feed.add(recorder)
  }

  /// One that goes on from a state, published at the same position.
  init(_ plan: Plan, seed: UInt64, restoring bytes: [UInt8], at position: Position) throws {
    self.plan = plan
    store = ViewStore(readers: 1, hashSeed: seed)
    dataflow = Dataflow(plan: plan, store: store)
    try Self.read(bytes) { reader in
      try dataflow.restoreState(from: &reader)
      try dataflow.restoreRows(from: &reader)
      guard reader.offset == bytes.count else { throw reader.damage("the end") }
    }
    dataflow.publishRestored(at: position)
    store.feed.add(recorder)
  }

  static func position(_ step: Int) throws -> Position {
    Position(epoch: try #require(Epoch("test")), lsn: LSN(UInt64(step)))
  }

  func finishStep(_ step: Int) throws {
    try dataflow.finishStep(at: Self.position(step), committedAt: nil, xid: nil)
  }

  /// The state without the rows of views.
  func operatorState() throws -> [UInt8] {
    try Self.write { try dataflow.writeState(to: &$0) }
  }

  /// The state, rows included.
  func state() throws -> [UInt8] {
    try Self.write { writer in
      try dataflow.writeState(to: &writer)
      try dataflow.writeRows(to: &writer)
    }
  }

  static func write(_ body: (inout StateWriter) throws -> Void) throws -> [UInt8] {
    var blocks: [[UInt8]] = []
    var writer = StateWriter { block in
      #expect(!block.isEmpty && block.count <= StateWriter.blockBytesMax)
      blocks.append(Array(block))
    }
    try body(&writer)
    try writer.finish()
    #expect(writer.byteCount == blocks.reduce(0) { $0 + $1.count })
    return Array(blocks.joined())
  }

  /// Reads from blocks of the given sizes, over and over.
  static func read(
    _ bytes: [UInt8], blocks sizes: [Int] = [StateWriter.blockBytesMax],
    _ body: (inout StateReader) throws -> Void
  ) throws {
    try bytes.withUnsafeBytes { bytes in
      var (place, count) = (0, 0)
      var reader = StateReader(byteCount: bytes.count) {
        guard place < bytes.count else { return nil }
        let end = min(bytes.count, place + sizes[count % sizes.count])
        defer { (place, count) = (end, count + 1) }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<end])
      }
      try body(&reader)
    }
  }

  /// What readers find: rows with their JSON, their copies and faults, sorted, and the view's status.
  func contents() -> [String] {
    let visible = store.gate.visible
    return visible.views.views.flatMap { view in
      var lines: [String] = []
      view.table.forEachRow(at: visible.sequence) { version in
        lines.append(
          "\(version.copies) \(version.fault.map { "\($0)" } ?? "-") "
            + String(decoding: version.json, as: UTF8.self) + " \(Array(version.row.bytes))")
      }
      let status = view.status(at: visible.sequence)
      let degradation = status.degradation.map { String($0.prefix { $0 != "," }) }
      return ["\(view.name) \(status.rowCount) \(status.faultyCount) \(degradation ?? "-")"]
        + lines.sorted()
    }
  }
}

/// Every change as it was told, byte for byte.
final class ChangeRecorder: ChangeListener {
  struct Change: Equatable {
    let view: String
    let ordinal: Int
    let key: [UInt8]
    let formerKey: [UInt8]?
    let old: [UInt8]?
    let new: [UInt8]?
    let copies: Int
  }

  private let changes = Mutex<[Change]>([])

  func viewsChanged(_ batch: borrowing ChangeBatch) {
    let told = batch.changes.map { change in
      Change(
        view: change.view.name.name, ordinal: change.ordinal, key: Array(change.key.bytes),
        formerKey: change.formerKey.map { Array($0.bytes) },
        old: change.old.map { Array($0.bytes) }, new: change.new.map { Array($0.bytes) },
        copies: change.copies)
    }
    changes.withLock { $0 += told }
  }

  /// What was told since the last call.
  func take() -> [Change] {
    changes.withLock { changes in
      defer { changes = [] }
      return changes
    }
  }
}

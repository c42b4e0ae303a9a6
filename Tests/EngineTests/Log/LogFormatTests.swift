import Synchronization
import TestSupport
import Testing

@testable import Engine

/// What was written to the log is read from it, or nothing is.
@Suite struct LogFormatTests {
  /// Frames of all steps, and their changes as text made before they were written.
  private final class Recorder: ChangeListener {
    struct Record {
      var bytes: [UInt8] = []
      var steps: [[String]] = []
      /// Behind each frame.
      var ends: [Int] = []
    }

    let record = Mutex(Record())

    func viewsChanged(_ batch: borrowing ChangeBatch) {
      let lines = batch.changes.map { change in
        LogFormatTests.line(
          LoggedView(change.view), change.key, change.formerKey, change.old, change.new,
          change.copies)
      }
      let head = "\(batch.position) \(batch.committedAt ?? -1) \(batch.xid ?? 0)"
      record.withLock { record in
        LogFrame.append(serial: UInt64(record.steps.count + 1), to: &record.bytes) {
          StepRecord.append(batch, to: &$0)
        }
        record.steps.append([head] + lines)
        record.ends.append(record.bytes.count)
      }
    }
  }

  private static func line(
    _ view: LoggedView, _ key: RowRef, _ formerKey: RowRef?, _ old: RowRef?, _ new: RowRef?,
    _ copies: Int
  ) -> String {
    let rows = [key, formerKey, old, new].map { $0.map { "\(Array($0.bytes))" } ?? "-" }
    return "\(view.name) \(view.generation) \(copies) " + rows.joined(separator: " ")
  }

  private static func lines(_ step: StepRecord) -> [String] {
    ["\(step.position) \(step.committedAt ?? -1) \(step.xid ?? 0)"]
      + step.sections.flatMap { section in
        section.changes.map {
          line(section.view, $0.key, $0.formerKey, $0.old, $0.new, $0.copies)
        }
      }
  }

  /// The steps of all frames up to the first that is not whole.
  private static func read(_ bytes: UnsafeRawBufferPointer) throws -> [[String]] {
    var steps: [[String]] = []
    var at = 0
    while case .frame(let serial, let body, let end) = LogFrame.read(bytes, at: at) {
      #expect(serial == UInt64(steps.count + 1))
      guard case .step(let step) = try LogRecord(body) else {
        Issue.record("a record of another kind")
        return steps
      }
      steps.append(lines(step))
      at = end
    }
    return steps
  }

  /// - Parameter steps: to be written; the views of some plans change with one step in eight only.
  private static func record(_ name: String, _ random: inout SeededRandom, steps: Int) throws
    -> Recorder.Record
  {
    let sample = try #require(SamplePlan.all(.full).first { $0.name == name })
    let store = ViewStore(readers: 1, hashSeed: random.next())
    let recorder = Recorder()
    store.feed.add(recorder)
    let dataflow = Dataflow(plan: sample.plan, store: store)
    var tables = sample.tables()
    let epoch = try #require(Epoch("test"))
    var lsn: UInt64 = 0
    while recorder.record.withLock({ $0.steps.count }) < steps {
      for _ in 0..<random.pick([0, 1, 2, 9]) { try tables.change(&random).feed(dataflow) }
      lsn += 1
      try dataflow.finishStep(
        at: Position(epoch: epoch, lsn: LSN(lsn)), committedAt: random.oneIn(9) ? nil : 7,
        xid: random.oneIn(2) ? nil : 9, isJoined: random.oneIn(2))
    }
    return recorder.record.withLock { record in
      LogFrame.seal(&record.bytes)
      return record
    }
  }

  @Test(arguments: DataflowOracleTests.names)
  func stepsAreReadAsTheyWereWritten(_ name: String) throws {
    var random = SeededRandom()
    let record = try Self.record(name, &random, steps: 10)
    let read = try record.bytes.withUnsafeBytes { try Self.read($0) }
    #expect(read == record.steps)
  }

  /// Of a row that is not there only the pointer is sure to be 0, where generic code made it.
  @Test func aRowThatIsNotThereIsNotSaidToBe() throws {
    let definition = Plan.View(
      name: QualifiedName(schema: "public", name: "v"), node: 0,
      columns: [Plan.View.Column(name: "id", type: .int8, typeName: "int8")], key: [0],
      identity: [0], definition: "SELECT id FROM t")
    let store = ViewStore(readers: 1, hashSeed: 1)
    let view = LiveView(definition: definition, table: store.makeTable(definition))
    let missing = withUnsafeBytes(of: (UInt(0), 7)) { $0.load(as: RowRef?.self) }
    let position = Position(epoch: try #require(Epoch("test")), lsn: LSN(9))
    var bytes: [UInt8] = []
    [1, 2, 3].withRow { row in
      let rows: [(old: RowRef?, new: RowRef?)] = [(nil, row), (missing, row), (row, missing)]
      let changes = rows.map { old, new in
        ViewChange(view: view, key: row, formerKey: missing, old: old, new: new, copies: 1)
      }
      let batch = ChangeBatch(
        sequence: 1, position: position, committedAt: nil, xid: nil, changes: changes)
      StepRecord.append(batch, to: &bytes)
    }
    try bytes.withUnsafeBytes { bytes in
      guard case .step(let step) = try LogRecord(bytes) else {
        Issue.record("a record of another kind")
        return
      }
      let read = step.sections.flatMap(\.changes)
      #expect(read.map { $0.formerKey.map { Array($0.bytes) } } == [nil, nil, nil])
      #expect(read.map { $0.old.map { Array($0.bytes) } } == [nil, nil, [1, 2, 3]])
      #expect(read.map { $0.new.map { Array($0.bytes) } } == [[1, 2, 3], [1, 2, 3], nil])
    }
  }

  @Test func aCutAnywhereLeavesWholeSteps() throws {
    var random = SeededRandom()
    let record = try Self.record("three-way join", &random, steps: 3)
    for end in 0...record.bytes.count {
      // A buffer of its own, so that a sanitizer sees a look beyond its end.
      let cut = Array(record.bytes[..<end])
      let read = try cut.withUnsafeBytes { try Self.read($0) }
      let whole = record.ends.count { $0 <= end }
      try #require(read == Array(record.steps.prefix(whole)), "cut at \(end)")
    }
  }

  @Test func damageIsFoundAndEndsTheReading() throws {
    var random = SeededRandom()
    let record = try Self.record("three-way join", &random, steps: 3)
    for _ in 0..<1_000 {
      var bytes = record.bytes
      let place = random.number(0...bytes.count - 1)
      bytes[place] ^= UInt8(random.number(1...255))
      let read = try bytes.withUnsafeBytes { try Self.read($0) }
      let whole = record.ends.count { $0 <= place }
      try #require(read == Array(record.steps.prefix(whole)), "byte \(place)")
    }
  }

  /// Not even a body with the right checksum can make the decoder do anything but throw.
  @Test func bodiesThatLieAreRefusedOrReadWithinThemselves() throws {
    var random = SeededRandom()
    let record = try Self.record("three-way join", &random, steps: 3)
    var (refused, taken) = (0, 0)
    for _ in 0..<6_000 {
      var at = 0
      let frame = random.number(0...record.ends.count - 1)
      if frame > 0 { at = record.ends[frame - 1] }
      var body = Array(record.bytes[(at + LogFrame.headerBytes)..<record.ends[frame]])
      for _ in 0...random.number(0...3) {
        body[random.number(0...body.count - 1)] = random.pick([0, 1, 2, 255, 128, 16, 3, 4, 5])
      }
      if random.oneIn(4) { body.removeLast(random.number(0...body.count - 1)) }
      do {
        let lines = try body.withUnsafeBytes { bytes -> [String] in
          guard case .step(let step) = try LogRecord(bytes) else { return [] }
          return Self.lines(step)
        }
        taken += lines.isEmpty ? 0 : 1
      } catch is LogDamage { refused += 1 }
    }
    #expect(refused > 300 && taken > 30, "\(refused) refused, \(taken) taken")
  }

  /// RFC 3720 appendix B.4.
  @Test func checksumsAreCastagnolis() {
    func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes(CRC32C.checksum) }
    #expect(checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(checksum(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
  }

  @Test func otherRecordsAreReadAsTheyWereWritten() throws {
    let epoch = try #require(Epoch("k3f9"))
    let position = Position(epoch: epoch, lsn: LSN(1 << 40))
    let views = ["b", "a"].map {
      LoggedView(name: QualifiedName(schema: "s", name: $0), generation: Generation(value: 9))
    }
    let origin = DatabaseOrigin(systemIdentifier: .max, timeline: 3, rewinds: 1)
    let start = LogStart(
      position: position, history: origin,
      followed: views.map { LogStart.Followed(view: $0, since: LSN(5)) })
    var bytes: [UInt8] = []
    start.append(to: &bytes)
    try bytes.withUnsafeBytes { bytes in
      guard case .start(let read) = try LogRecord(bytes) else { throw LogDamage.notRead }
      #expect(read == start)
    }
    bytes = []
    LogRecord.append(lost: views, at: position, to: &bytes)
    try bytes.withUnsafeBytes { bytes in
      guard case .lost(position, views) = try LogRecord(bytes) else { throw LogDamage.notRead }
    }
  }

  @Test func rowsThatReachBeyondThemselvesDoNotFit() throws {
    var random = SeededRandom()
    let layout = RowLayout([.int4, .text, .numeric, .uuid])
    let batch = RowBatch()
    batch.beginRow(layout)
    batch.set(layout.slots[0], .word(1))
    Array("hello".utf8).withUnsafeBytes { batch.set(layout.slots[1], .bytes($0)) }
    batch.set(layout.slots[2], .null)
    Array(repeating: UInt8(7), count: 16).withUnsafeBytes { batch.set(layout.slots[3], .bytes($0)) }
    batch.endRow(weight: 1)
    let good = Array(batch.row(0).bytes)
    #expect(good.withRow { layout.fits($0) })
    for count in 1..<good.count { #expect(!Array(good.prefix(count)).withRow { layout.fits($0) }) }
    for _ in 0..<5_000 {
      var bytes = good
      bytes[random.number(0...bytes.count - 1)] = UInt8(random.number(0...255))
      bytes.withRow { row in
        guard layout.fits(row) else { return }
        // Reads every byte of every value.
        for (slot, type) in zip(layout.slots, layout.types) {
          var text: [UInt8] = []
          type.writeText(row.datum(slot), to: &text)
        }
      }
    }
  }
}

extension LogDamage {
  fileprivate static let notRead = LogDamage(offset: 0, expected: "what was written")
}

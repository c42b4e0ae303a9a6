import Engine
import Logging

/// Finds out at start what the log has.
///
/// | found | rule |
/// |---|---|
/// | the last segment ends in the midst of a frame, or in what is no frame | `log_tail_torn`: cut off there |
/// | damage, or a missing segment, before the last segment | `log_damaged`: that and everything older is forgotten |
struct LogRecovery {
  let directory: DataDirectory
  let logger: Logger

  func run() throws -> LogIndex {
    var index = LogIndex()
    let numbers = try directory.names.compactMap(LogSegment.number)
    for number in numbers {
      let name = LogSegment.name(number)
      let file = try directory.file(name, creates: false)
      let damage = try read(file, number, into: &index)
      guard let damage else { continue }
      if number == numbers.last {
        try cut(file, number, index, damage)
      } else {
        try forget(upTo: number, damage, &index)
      }
    }
    return index
  }

  /// Adds a segment as far as it is whole; returns what ends it, if that is not its end.
  private func read(_ file: StoredFile, _ number: UInt64, into index: inout LogIndex) throws
    -> LogDamage?
  {
    var scanner = try FrameScanner(file, to: try file.size)
    guard case .frame(let first) = try scanner.next(),
      case .start(let start)? = try? LogRecord(first.body)
    else { return LogDamage(offset: 0, expected: "the start of a segment") }
    if let last = index.segments.last {
      guard first.serial == last.lastSerial, number == last.number + 1 else {
        try forget(
          upTo: last.number, LogDamage(offset: 0, expected: "segment \(last.number + 1)"), &index)
        return try read(file, number, into: &index)
      }
    }
    index.add(
      LogSegment(number: number, file: file, start: start, serial: first.serial, end: first.end))
    while true {
      switch try scanner.next() {
      case .end: return nil
      case .torn(_, let damage): return damage
      case .frame(let frame):
        guard frame.serial == index.nextSerial, let note = try? FrameNote(frame) else {
          return LogDamage(offset: frame.offset, expected: "frame \(index.nextSerial)")
        }
        index.add(note)
      }
    }
  }

  private func cut(
    _ file: StoredFile, _ number: UInt64, _ index: LogIndex, _ damage: LogDamage
  ) throws {
    let end = index.segment(number)?.end ?? 0
    let size = try file.size
    logger.warning(
      "log_tail_torn",
      metadata: [
        "file": "\(file.path)", "kept_bytes": "\(end)", "cut_bytes": "\(size - end)",
        "reason": "\(damage)",
      ])
    if end == 0 {
      try directory.remove(LogSegment.name(number))
    } else {
      try file.truncate(to: end)
    }
  }

  private func forget(upTo number: UInt64, _ damage: LogDamage, _ index: inout LogIndex) throws {
    logger.error(
      "log_damaged", metadata: ["segment": "\(LogSegment.name(number))", "reason": "\(damage)"])
    for segment in index.segments { try directory.remove(LogSegment.name(segment.number)) }
    try directory.remove(LogSegment.name(number))
    index = LogIndex()
  }
}

extension LogIndex {
  /// Begins to write to, or to take note of, another segment.
  mutating func add(_ segment: LogSegment) {
    segments.append(segment)
    followed = Dictionary(
      segment.start.followed.map { ($0.view, $0.since) }, uniquingKeysWith: { $1 })
    history = segment.start.history
  }
}

extension FrameNote {
  /// - Throws: ``LogDamage`` also where the frame is the start of a segment, which no other frame may be.
  init(_ frame: FrameScanner.Frame) throws {
    let record = try LogRecord(frame.body)
    guard let position = record.position else {
      throw LogDamage(offset: frame.offset, expected: "a record with a position")
    }
    var committedAt: Int64?
    switch record {
    case .start: throw LogDamage(offset: frame.offset, expected: "a record that is no start")
    case .step(let step):
      kind = .step
      committedAt = step.committedAt
    case .views(_, let views): kind = .views(views)
    case .reached: kind = .reached
    case .lost(_, let views): kind = .lost(views)
    }
    self.committedAt = committedAt
    self.position = position
    serial = frame.serial
    byteCount = frame.end - frame.offset
  }
}

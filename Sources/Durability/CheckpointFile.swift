import Engine

/// The file with the rows of all views as they were published at one position, and the state of the operators there.
///
/// Written beside the one before and renamed when it is durable, so that there is always a whole one.
enum CheckpointFile {
  static let name = "checkpoint"
  static let draftName = "checkpoint.draft"

  /// A frame of rows ends behind the row that takes it past this.
  fileprivate static let frameBytes = 262_144
  /// Read at once: several pieces of state.
  fileprivate static let blockBytes = 8 << 20

  /// Appends frames to a file. May be used in a child of this process: it takes no lock.
  final class Writer {
    private let file: StoredFile
    /// Called before each write.
    private let check: () throws -> Void
    private var start: CheckpointStart
    private var bytes: [UInt8] = []
    private var offset = 0
    private var serial: UInt64 = 0
    private var rowCount: UInt64 = 0
    /// Of a frame of rows that is open: where its count goes, and the count.
    private var openRows: (place: Int, count: Int)?

    init(
      _ file: StoredFile, _ start: CheckpointStart, check: @escaping () throws -> Void = {}
    ) throws {
      self.file = file
      self.start = start
      self.check = check
      bytes.reserveCapacity(2 << 20)
      try append { CheckpointRecord.append(start, to: &$0) }
    }

    func append(_ view: Plan.View, degradation: String?) throws {
      try endRows()
      try append { CheckpointRecord.append(view, degradation: degradation, to: &$0) }
    }

    /// Appends a row of the view appended last.
    func append(_ version: RowVersion) throws {
      if openRows == nil {
        bytes.removeAll(keepingCapacity: true)
        LogFrame.begin(serial: serial, in: &bytes)
        openRows = (CheckpointRecord.beginRows(in: &bytes), 0)
      }
      CheckpointRecord.append(version, to: &bytes)
      openRows?.count += 1
      rowCount += 1
      if bytes.count >= frameBytes { try endRows() }
    }

    /// Goes on with the state of operators, which rely on what `reliance` says.
    func beginOperators(_ reliance: String) throws {
      try endAllRows()
      start.operatorsOffset = offset
      try append { CheckpointRecord.append(reliance: reliance, to: &$0) }
    }

    func append(_ kind: CheckpointRecord.Kind, _ piece: UnsafeRawBufferPointer) throws {
      try append { CheckpointRecord.append(kind, piece: piece, to: &$0) }
    }

    /// Returns once the file is whole and durable.
    func end() throws {
      if start.operatorsOffset == nil { try endAllRows() }
      try append { CheckpointRecord.appendEnd(to: &$0) }
      serial = 0
      offset = 0
      try append { CheckpointRecord.append(start, to: &$0) }
      try file.sync()
    }

    private func endAllRows() throws {
      try endRows()
      try append { CheckpointRecord.append(rowsEnd: rowCount, to: &$0) }
    }

    private func endRows() throws {
      guard let (place, count) = openRows else { return }
      openRows = nil
      CheckpointRecord.endRows(count, at: place, in: &bytes)
      LogFrame.end(in: &bytes)
      try write()
    }

    private func append(_ body: (inout [UInt8]) -> Void) throws {
      bytes.removeAll(keepingCapacity: true)
      LogFrame.append(serial: serial, to: &bytes, body)
      try write()
    }

    private func write() throws {
      try check()
      LogFrame.seal(&bytes)
      try bytes.withUnsafeBytes { try file.write($0, at: offset) }
      serial += 1
      offset += bytes.count
    }
  }

  /// Reads the file that ``Writer`` wrote.
  final class Reader {
    let start: CheckpointStart
    private let file: StoredFile
    private let size: Int
    private var scanner: FrameScanner
    private var serial: UInt64 = 0

    init(_ file: StoredFile) throws {
      self.file = file
      size = try file.size
      scanner = try FrameScanner(file, to: size, blockBytes: CheckpointFile.blockBytes)
      guard let first = try scanner.nextWhole(), first.serial == 0,
        case .begin(let start) = try CheckpointRecord(first.body)
      else { throw LogDamage(offset: 0, expected: "a checkpoint") }
      self.start = start
    }

    /// Calls `body` with all views and rows.
    ///
    /// - Throws: ``LogDamage`` unless that part of the file is whole; whatever was made of it then is of no use.
    func readRows(_ body: (CheckpointRecord) throws -> Void) throws {
      var rowCount: UInt64 = 0
      while true {
        let record = try next()
        switch record {
        case .view: try body(record)
        case .rows(let rows):
          rowCount += UInt64(rows.count)
          try body(record)
        case .rowsEnd(let rows):
          guard rows == rowCount else { throw LogDamage(offset: 0, expected: "\(rows) rows") }
          if start.operatorsOffset == nil { try expectEnd() }
          return
        case .begin, .reliance, .operators, .holds, .end:
          throw LogDamage(offset: 0, expected: "views and rows")
        }
      }
    }

    /// Goes to the state of the operators and returns what they rely on; nil if there is none.
    func findOperators() throws -> String? {
      guard let offset = start.operatorsOffset else { return nil }
      guard offset < size else { throw LogDamage(offset: offset, expected: "operators") }
      scanner = try FrameScanner(
        file, from: offset, to: size, blockBytes: CheckpointFile.blockBytes)
      guard let first = try scanner.nextWhole(),
        case .reliance(let text) = try CheckpointRecord(first.body)
      else { throw LogDamage(offset: offset, expected: "what operators rely on") }
      serial = first.serial
      return text
    }

    /// The pieces of what follows, as they are asked for; an empty one at their end.
    func pieces(of kind: CheckpointRecord.Kind) -> Pieces { Pieces(self, kind) }

    /// A sequence of frames of one kind, and the frame behind them, which is kept for the next.
    final class Pieces {
      private let reader: Reader
      private let kind: CheckpointRecord.Kind

      fileprivate init(_ reader: Reader, _ kind: CheckpointRecord.Kind) {
        self.reader = reader
        self.kind = kind
      }

      /// The next piece, valid until the next call; nil behind the last.
      func next() throws -> UnsafeRawBufferPointer? {
        let record = try reader.peeked ?? reader.next()
        switch (record, kind) {
        case (.operators(let piece), .operators), (.holds(let piece), .holds):
          reader.peeked = nil
          return piece
        default:
          reader.peeked = record
          return nil
        }
      }
    }

    private var peeked: CheckpointRecord?

    /// How many bytes may follow.
    var byteCount: Int { size }

    /// - Throws: ``LogDamage`` unless the file ends here as it should.
    func expectEnd() throws {
      guard case .end = try peeked ?? next(), try scanner.nextWhole() == nil else {
        throw LogDamage(offset: 0, expected: "the end of the checkpoint")
      }
    }

    /// What a frame's record points into.
    private var block: FileBlock?

    private func next() throws -> CheckpointRecord {
      guard let frame = try scanner.nextWhole() else {
        throw LogDamage(offset: size, expected: "the end of the checkpoint")
      }
      serial += 1
      guard frame.serial == serial else {
        throw LogDamage(offset: frame.offset, expected: "frame \(serial)")
      }
      block = frame.block
      return try CheckpointRecord(frame.body)
    }
  }
}

import Engine

/// The file with the rows of all views as they were published at one position.
///
/// Written beside the one before and renamed when it is durable, so that there is always a whole one.
enum CheckpointFile {
  static let name = "checkpoint"
  static let draftName = "checkpoint.draft"

  /// A frame of rows ends behind the row that takes it past this.
  private static let frameBytes = 262_144

  /// Appends frames to a file.
  struct Writer {
    private let file: StoredFile
    private var bytes: [UInt8] = []
    private(set) var offset = 0
    private var serial: UInt64 = 0
    private var rowCount: UInt64 = 0

    init(_ file: StoredFile, _ start: CheckpointStart) throws {
      self.file = file
      try append { CheckpointRecord.append(start, to: &$0) }
    }

    mutating func append(_ view: Plan.View) throws {
      try append { CheckpointRecord.append(view, to: &$0) }
    }

    /// Appends rows of the view appended last.
    mutating func append(_ versions: [RowVersion]) throws {
      var rest = versions[...]
      while !rest.isEmpty {
        try append { bytes in
          let place = CheckpointRecord.beginRows(in: &bytes)
          let start = bytes.count
          var count = 0
          while let version = rest.popFirst() {
            CheckpointRecord.append(version, to: &bytes)
            count += 1
            if bytes.count - start >= frameBytes { break }
          }
          CheckpointRecord.endRows(count, at: place, in: &bytes)
        }
      }
      rowCount += UInt64(versions.count)
    }

    /// Returns once the file is whole and durable.
    mutating func end() throws {
      let count = rowCount
      try append { CheckpointRecord.append(end: count, to: &$0) }
      try file.sync()
    }

    private mutating func append(_ body: (inout [UInt8]) -> Void) throws {
      bytes.removeAll(keepingCapacity: true)
      LogFrame.append(serial: serial, to: &bytes, body)
      LogFrame.seal(&bytes)
      try bytes.withUnsafeBytes { try file.write($0, at: offset) }
      serial += 1
      offset += bytes.count
    }
  }

  /// Reads the file that ``Writer`` wrote.
  struct Reader {
    let start: CheckpointStart
    private var scanner: FrameScanner
    private var serial: UInt64 = 0
    private var rowCount: UInt64 = 0

    init(_ file: StoredFile) throws {
      scanner = try FrameScanner(file, to: try file.size)
      guard let first = try scanner.nextWhole(), first.serial == 0,
        case .begin(let start) = try CheckpointRecord(first.body)
      else { throw LogDamage(offset: 0, expected: "a checkpoint") }
      self.start = start
    }

    /// Calls `body` with all views and rows.
    ///
    /// - Throws: ``LogDamage`` unless the file is whole; whatever was made of it then is of no use.
    mutating func read(_ body: (CheckpointRecord) throws -> Void) throws {
      while let frame = try scanner.nextWhole() {
        serial += 1
        guard frame.serial == serial else {
          throw LogDamage(offset: frame.offset, expected: "frame \(serial)")
        }
        let record = try CheckpointRecord(frame.body)
        switch record {
        case .begin: throw LogDamage(offset: frame.offset, expected: "no second beginning")
        case .view: try body(record)
        case .rows(let rows):
          rowCount += UInt64(rows.count)
          try body(record)
        case .end(let rows):
          guard rows == rowCount else {
            throw LogDamage(offset: frame.offset, expected: "\(rows) rows")
          }
          return
        }
      }
      throw LogDamage(offset: 0, expected: "the end of the checkpoint")
    }
  }
}

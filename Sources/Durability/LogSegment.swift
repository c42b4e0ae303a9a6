import Engine

/// One file of the log, as far as it is written.
struct LogSegment: Sendable {
  let number: UInt64
  let file: StoredFile
  /// What it began with.
  let start: LogStart
  /// Of its first frame behind the start.
  let firstSerial: UInt64
  private(set) var lastSerial: UInt64
  /// Everything before is whole.
  private(set) var end: Int
  /// Places to begin to read at, in order: frames from `offset` on are behind `position`, which is of the segment's epoch.
  private(set) var marks: [Mark] = []
  /// Where the views are behind its last frame.
  private(set) var position: Position?
  /// When a transaction in it was last committed, in microseconds since 2000-01-01 UTC.
  private(set) var committedAt: Int64?

  struct Mark: Sendable {
    let lsn: LSN
    let offset: Int
  }

  /// How far apart marks are, at least.
  private static let markDistance = 65_536

  /// - Parameter serial: of the frame before, which the start repeats.
  init(number: UInt64, file: StoredFile, start: LogStart, serial: UInt64, end: Int) {
    self.number = number
    self.file = file
    self.start = start
    firstSerial = serial + 1
    lastSerial = serial
    self.end = end
    position = start.position
    if let lsn = start.position?.lsn { marks = [Mark(lsn: lsn, offset: 0)] }
  }

  /// Takes note of the next frame.
  mutating func add(_ note: FrameNote) {
    if let position {
      let last = marks.last?.offset ?? 0
      if marks.isEmpty || end - last >= Self.markDistance {
        marks.append(Mark(lsn: position.lsn, offset: end))
      }
    }
    lastSerial = note.serial
    end += note.byteCount
    position = note.position
    committedAt = note.committedAt ?? committedAt
  }

  /// Where to begin to read what is behind `lsn`.
  func offset(after lsn: LSN) -> Int {
    marks.last { $0.lsn <= lsn }?.offset ?? 0
  }

  static func name(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return "log-" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  static func number(ofFile name: String) -> UInt64? {
    guard name.hasPrefix("log-"), name.utf8.count == 20 else { return nil }
    return UInt64(name.dropFirst(4), radix: 16)
  }
}

/// What is to be known of a frame without reading it.
struct FrameNote: Sendable {
  enum Kind: Sendable {
    case step, reached
    case views([LoggedView])
    case lost([LoggedView])
    /// Only at the beginning of a segment.
    case start
  }

  let serial: UInt64
  let byteCount: Int
  let position: Position
  let committedAt: Int64?
  let kind: Kind
}

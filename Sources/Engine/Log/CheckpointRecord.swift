/// What a frame of a checkpoint says: first ``begin(_:)``, then each view with its rows behind it, then ``end(rows:)``.
package enum CheckpointRecord {
  case begin(CheckpointStart)
  case view(Plan.View)
  /// Of the view before; valid as long as the frame is.
  case rows([(row: RowRef, copies: Int)])
  /// So many rows in all: whatever ends otherwise is no checkpoint.
  case end(rows: UInt64)

  private enum Kind: UInt8 {
    case begin = 101
    case view, rows, end
  }

  package init(_ body: UnsafeRawBufferPointer) throws(LogDamage) {
    var cursor = LogCursor(body)
    guard let kind = Kind(rawValue: try cursor.integer(UInt8.self)) else {
      throw cursor.damage("a kind of record")
    }
    switch kind {
    case .begin: self = .begin(try CheckpointStart(&cursor))
    case .view: self = .view(try Plan.View(&cursor))
    case .rows:
      var rows: [(row: RowRef, copies: Int)] = []
      for _ in 0..<(try cursor.count(bytesEach: 9)) {
        let copies = Int(try cursor.integer(UInt32.self))
        rows.append((try cursor.row(), copies))
      }
      self = .rows(rows)
    case .end: self = .end(rows: try cursor.integer(UInt64.self))
    }
    try cursor.expectEnd()
  }

  package static func append(_ start: CheckpointStart, to bytes: inout [UInt8]) {
    bytes.append(Kind.begin.rawValue)
    start.append(to: &bytes)
  }

  package static func append(_ view: Plan.View, to bytes: inout [UInt8]) {
    bytes.append(Kind.view.rawValue)
    view.append(to: &bytes)
  }

  package static func append(end rows: UInt64, to bytes: inout [UInt8]) {
    bytes.append(Kind.end.rawValue)
    bytes.append(integer: rows)
  }

  /// Begins a record of rows, to which ``append(_:to:)-(RowVersion,_)`` adds; the count goes where this returns.
  package static func beginRows(in bytes: inout [UInt8]) -> Int {
    bytes.append(Kind.rows.rawValue)
    bytes.append(integer: UInt32(0))
    return bytes.count - 4
  }

  package static func append(_ version: RowVersion, to bytes: inout [UInt8]) {
    bytes.append(integer: UInt32(clamping: version.copies))
    bytes.append(block: version.row.bytes)
  }

  package static func endRows(_ count: Int, at place: Int, in bytes: inout [UInt8]) {
    bytes.put(integer: UInt32(count), at: place)
  }
}

/// Where a checkpoint stands.
package struct CheckpointStart: Sendable, Equatable {
  package let position: Position
  package let history: DatabaseOrigin?
  /// The last frame of the log that it includes.
  package let serial: UInt64

  private static let version: UInt8 = 1

  package init(position: Position, history: DatabaseOrigin?, serial: UInt64) {
    self.position = position
    self.history = history
    self.serial = serial
  }

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    guard try cursor.integer(UInt8.self) == Self.version else {
      throw cursor.damage("version \(Self.version)")
    }
    position = try Position(&cursor)
    history = try cursor.integer(UInt8.self) == 0 ? nil : try DatabaseOrigin(&cursor)
    serial = try cursor.integer(UInt64.self)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(Self.version)
    position.append(to: &bytes)
    bytes.append(history == nil ? 0 : 1)
    history?.append(to: &bytes)
    bytes.append(integer: serial)
  }
}

/// What a frame of a checkpoint says: first ``begin(_:)``, then each view with its rows behind it, then ``rowsEnd(_:)``; where the state of the
/// operators is kept as well, ``reliance(_:)``, that state and the index of holds in pieces, and ``end`` last.
package enum CheckpointRecord {
  case begin(CheckpointStart)
  /// With why it was degraded, if it was.
  case view(Plan.View, degradation: String?)
  /// Of the view before; valid as long as the frame is.
  case rows([(row: RowRef, copies: Int)])
  /// So many rows in all.
  case rowsEnd(UInt64)
  /// What the operators rely on in the catalogs, in words that are equal or not.
  case reliance(String)
  /// A piece of what ``Dataflow/writeState(to:)`` wrote; valid as long as the frame is, as the next.
  case operators(UnsafeRawBufferPointer)
  /// A piece of a ``HoldIndex``.
  case holds(UnsafeRawBufferPointer)
  /// Whatever ends otherwise is no checkpoint.
  case end

  package enum Kind: UInt8 {
    case begin = 101
    case view, rows, rowsEnd, reliance, operators, holds, end
  }

  package init(_ body: UnsafeRawBufferPointer) throws(LogDamage) {
    var cursor = LogCursor(body)
    guard let kind = Kind(rawValue: try cursor.integer(UInt8.self)) else {
      throw cursor.damage("a kind of record")
    }
    switch kind {
    case .begin: self = .begin(try CheckpointStart(&cursor))
    case .view:
      let view = try Plan.View(&cursor)
      let degradation = try cursor.text()
      self = .view(view, degradation: degradation.isEmpty ? nil : degradation)
    case .rows:
      var rows: [(row: RowRef, copies: Int)] = []
      for _ in 0..<(try cursor.count(bytesEach: 9)) {
        let copies = Int(try cursor.integer(UInt32.self))
        rows.append((try cursor.row(), copies))
      }
      self = .rows(rows)
    case .rowsEnd: self = .rowsEnd(try cursor.integer(UInt64.self))
    case .reliance: self = .reliance(try cursor.text())
    case .operators: self = .operators(try cursor.block())
    case .holds: self = .holds(try cursor.block())
    case .end: self = .end
    }
    try cursor.expectEnd()
  }

  package static func append(_ start: CheckpointStart, to bytes: inout [UInt8]) {
    bytes.append(Kind.begin.rawValue)
    start.append(to: &bytes)
  }

  package static func append(_ view: Plan.View, degradation: String?, to bytes: inout [UInt8]) {
    bytes.append(Kind.view.rawValue)
    view.append(to: &bytes)
    bytes.append(block: degradation ?? "")
  }

  package static func append(rowsEnd rows: UInt64, to bytes: inout [UInt8]) {
    bytes.append(Kind.rowsEnd.rawValue)
    bytes.append(integer: rows)
  }

  package static func append(reliance: String, to bytes: inout [UInt8]) {
    bytes.append(Kind.reliance.rawValue)
    bytes.append(block: reliance)
  }

  /// - Parameter kind: of ``operators(_:)`` or ``holds(_:)``.
  package static func append(
    _ kind: Kind, piece: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) {
    bytes.append(kind.rawValue)
    bytes.append(block: piece)
  }

  package static func appendEnd(to bytes: inout [UInt8]) { bytes.append(Kind.end.rawValue) }

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
  /// Tells it from others; random.
  package let id: UInt64
  /// Of the process that wrote it: the state of operators is of use under this seed only.
  package let hashSeed: UInt64
  /// Where in the file the state of the operators begins; nil if it is not kept.
  package var operatorsOffset: Int?

  private static let version: UInt8 = 2

  package init(
    position: Position, history: DatabaseOrigin?, serial: UInt64, id: UInt64, hashSeed: UInt64
  ) {
    self.position = position
    self.history = history
    self.serial = serial
    self.id = id
    self.hashSeed = hashSeed
  }

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    guard try cursor.integer(UInt8.self) == Self.version else {
      throw cursor.damage("version \(Self.version)")
    }
    position = try Position(&cursor)
    history = try cursor.integer(UInt8.self) == 0 ? nil : try DatabaseOrigin(&cursor)
    serial = try cursor.integer(UInt64.self)
    id = try cursor.integer(UInt64.self)
    hashSeed = try cursor.integer(UInt64.self)
    let offset = try cursor.integer(UInt64.self)
    operatorsOffset = offset == 0 ? nil : Int(clamping: offset)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(Self.version)
    position.append(to: &bytes)
    bytes.append(history == nil ? 0 : 1)
    history?.append(to: &bytes)
    bytes.append(integer: serial)
    bytes.append(integer: id)
    bytes.append(integer: hashSeed)
    bytes.append(integer: UInt64(operatorsOffset ?? 0))
  }
}

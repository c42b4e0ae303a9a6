/// What a frame of the log says.
///
/// Rows are in the engine's own encoding, which is that of machines with the low byte first. Everything is written in the order
/// in which it is given; nothing depends on a hash.
package enum LogRecord {
  /// The first of each segment.
  case start(LogStart)
  case step(StepRecord)
  /// From here on these views are followed, and no others. One that was followed before goes on.
  case views(Position, [LoggedView])
  /// The views are the same up to here.
  case reached(Position)
  /// Changes of these views up to here are not in the log.
  case lost(Position, [LoggedView])

  /// Kinds of records; a number is never used for anything else.
  enum Kind: UInt8 {
    case start = 1
    case step, views, reached, lost
  }

  /// - Parameter body: of a frame; rows of a step point into it.
  package init(_ body: UnsafeRawBufferPointer) throws(LogDamage) {
    var cursor = LogCursor(body)
    guard let kind = Kind(rawValue: try cursor.integer(UInt8.self)) else {
      throw cursor.damage("a kind of record")
    }
    switch kind {
    case .start: self = .start(try LogStart(&cursor))
    case .step: self = .step(try StepRecord(&cursor))
    case .views: self = .views(try Position(&cursor), try LoggedView.list(&cursor))
    case .reached: self = .reached(try Position(&cursor))
    case .lost: self = .lost(try Position(&cursor), try LoggedView.list(&cursor))
    }
    try cursor.expectEnd()
  }

  package static func append(views: [LoggedView], at position: Position, to bytes: inout [UInt8]) {
    bytes.append(Kind.views.rawValue)
    position.append(to: &bytes)
    LoggedView.append(views, to: &bytes)
  }

  package static func append(reached position: Position, to bytes: inout [UInt8]) {
    bytes.append(Kind.reached.rawValue)
    position.append(to: &bytes)
  }

  package static func append(
    lost views: [LoggedView], at position: Position, to bytes: inout [UInt8]
  ) {
    bytes.append(Kind.lost.rawValue)
    position.append(to: &bytes)
    LoggedView.append(views, to: &bytes)
  }

  /// Where the views are after the record.
  package var position: Position? {
    switch self {
    case .start(let start): start.position
    case .step(let step): step.position
    case .views(let position, _), .reached(let position), .lost(let position, _): position
    }
  }
}

extension Position {
  init(_ cursor: inout LogCursor) throws(LogDamage) {
    guard let epoch = Epoch(try cursor.text()) else { throw cursor.damage("an epoch") }
    self.init(epoch: epoch, lsn: LSN(try cursor.integer(UInt64.self)))
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(block: epoch.id)
    bytes.append(integer: lsn.value)
  }
}

extension LoggedView {
  /// Of a list's entries, at least.
  private static let bytesMin = 16

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    let name = QualifiedName(schema: try cursor.text(), name: try cursor.text())
    self.init(name: name, generation: Generation(value: try cursor.integer(UInt64.self)))
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(block: name.schema)
    bytes.append(block: name.name)
    bytes.append(integer: generation.value)
  }

  static func list(_ cursor: inout LogCursor) throws(LogDamage) -> [LoggedView] {
    let count = try cursor.count(bytesEach: bytesMin)
    var views: [LoggedView] = []
    for _ in 0..<count { views.append(try LoggedView(&cursor)) }
    return views
  }

  static func append(_ views: [LoggedView], to bytes: inout [UInt8]) {
    bytes.append(integer: UInt32(views.count))
    for view in views { view.append(to: &bytes) }
  }
}

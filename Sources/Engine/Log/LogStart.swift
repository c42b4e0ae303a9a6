/// What a segment has to know of those before it, so that they can go.
package struct LogStart: Sendable, Equatable {
  /// Where the views were.
  package var position: Position?
  package var history: DatabaseOrigin?
  /// Since when each view has been followed without a gap, in the order of their names.
  package var followed: [Followed]

  package struct Followed: Sendable, Equatable {
    package let view: LoggedView
    package let since: LSN

    package init(view: LoggedView, since: LSN) {
      self.view = view
      self.since = since
    }
  }

  /// Of the format; another one is not read.
  private static let version: UInt8 = 1

  package init(position: Position?, history: DatabaseOrigin?, followed: [Followed]) {
    self.position = position
    self.history = history
    self.followed = followed
  }

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    guard try cursor.integer(UInt8.self) == Self.version else {
      throw cursor.damage("version \(Self.version)")
    }
    position = try cursor.integer(UInt8.self) == 0 ? nil : try Position(&cursor)
    history = try cursor.integer(UInt8.self) == 0 ? nil : try DatabaseOrigin(&cursor)
    followed = []
    for _ in 0..<(try cursor.count(bytesEach: 24)) {
      let view = try LoggedView(&cursor)
      followed.append(Followed(view: view, since: LSN(try cursor.integer(UInt64.self))))
    }
  }

  package func append(to bytes: inout [UInt8]) {
    bytes.append(LogRecord.Kind.start.rawValue)
    bytes.append(Self.version)
    bytes.append(position == nil ? 0 : 1)
    position?.append(to: &bytes)
    bytes.append(history == nil ? 0 : 1)
    history?.append(to: &bytes)
    bytes.append(integer: UInt32(followed.count))
    for entry in followed {
      entry.view.append(to: &bytes)
      bytes.append(integer: entry.since.value)
    }
  }
}

/// Which history of which database positions belong to.
package struct DatabaseOrigin: Sendable, Equatable {
  package let systemIdentifier: UInt64
  package let timeline: UInt32
  /// How often the database was seen to have been set back.
  package let rewinds: UInt32

  package init(systemIdentifier: UInt64, timeline: UInt32, rewinds: UInt32) {
    self.systemIdentifier = systemIdentifier
    self.timeline = timeline
    self.rewinds = rewinds
  }

  package var epoch: Epoch {
    Epoch(systemIdentifier: systemIdentifier, timeline: timeline, rewinds: Int(rewinds))
  }

  init(_ cursor: inout LogCursor) throws(LogDamage) {
    systemIdentifier = try cursor.integer(UInt64.self)
    timeline = try cursor.integer(UInt32.self)
    rewinds = try cursor.integer(UInt32.self)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(integer: systemIdentifier)
    bytes.append(integer: timeline)
    bytes.append(integer: rewinds)
  }
}

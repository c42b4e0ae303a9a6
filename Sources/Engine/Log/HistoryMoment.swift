/// A point of the past that somebody asks for.
package enum HistoryMoment: Sendable {
  case position(Position)
  case lsn(LSN)
  /// Microseconds since 2000-01-01 UTC.
  case time(Int64)

  /// Reads a position, an LSN, or a time as `timestamptz` takes it.
  package init?(_ text: String) {
    if let position = Position(text) {
      self = .position(position)
    } else if let lsn = LSN(text) {
      self = .lsn(lsn)
    } else if let time = PostgresTime.microseconds(text) {
      self = .time(time)
    } else {
      return nil
    }
  }

  /// Whether what a step at `position` did, committed at `time`, was done by then.
  package func includes(_ position: Position, time committedAt: Int64?) -> Bool {
    switch self {
    case .position(let last): position.lsn <= last.lsn
    case .lsn(let last): position.lsn <= last
    case .time(let last): committedAt.map { $0 <= last } ?? true
    }
  }

  /// A time as `to_json` prints a `timestamptz`.
  package static func json(time: Int64) -> [UInt8] {
    var json: [UInt8] = []
    JSONText.write(timestamptz: time, to: &json)
    return json
  }
}

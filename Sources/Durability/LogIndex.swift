import Engine
import Synchronization

/// What the log has, for whoever reads it.
///
/// Written by the log's queue, read by any thread.
struct LogIndex: Sendable {
  /// Oldest first.
  var segments: [LogSegment] = []
  /// Since when each view has been followed without a gap.
  var followed: [LoggedView: LSN] = [:]
  var history: DatabaseOrigin?
  /// Where the views are behind the last frame.
  var position: Position? { segments.last?.position ?? base?.position }
  var nextSerial: UInt64 { (segments.last?.lastSerial ?? base?.serial ?? 0) + 1 }
  /// What an empty log goes on from.
  var base: CheckpointStart?
  /// How much was appended since the start.
  private(set) var appendedBytes = 0
  var byteCount: Int { segments.reduce(0) { $0 + $1.end } }

  /// Takes note of a frame in the last segment.
  mutating func add(_ note: FrameNote) {
    guard !segments.isEmpty else { return }
    segments[segments.count - 1].add(note)
    appendedBytes += note.byteCount
    apply(note)
  }

  mutating func apply(_ note: FrameNote) {
    switch note.kind {
    case .step, .reached, .start: break
    case .views(let views):
      let before = followed
      followed = [:]
      for view in views { followed[view] = before[view] ?? note.position.lsn }
    case .lost(let views):
      for view in views where followed[view] != nil { followed[view] = note.position.lsn }
    }
  }

  /// What the next segment is to begin with.
  func start(at position: Position?) -> LogStart {
    let isSameHistory = position?.epoch == self.position?.epoch
    let entries = followed.map { view, since in
      // In another history, positions of this one mean nothing.
      LogStart.Followed(view: view, since: isSameHistory ? since : position?.lsn ?? since)
    }
    return LogStart(
      position: position, history: history,
      followed: entries.sorted { a, b in
        (a.view.name.description, a.view.generation.value)
          < (b.view.name.description, b.view.generation.value)
      })
  }

  /// Where the changes of a view behind a position are; nil if the log does not have all of them.
  func place(after position: Position, of view: LoggedView) -> LogPlace? {
    guard let current = self.position, current.epoch == position.epoch,
      let since = followed[view], position.lsn >= since,
      let place = segments.lastIndex(where: {
        $0.start.position.map { $0.epoch == position.epoch && $0.lsn <= position.lsn } ?? false
      })
    else { return nil }
    return LogPlace(
      segment: segments[place].number, offset: segments[place].offset(after: position.lsn))
  }

  func segment(_ number: UInt64) -> LogSegment? { segments.first { $0.number == number } }
}

/// A place between two frames.
package struct LogPlace: Sendable, Equatable {
  package let segment: UInt64
  package let offset: Int
}

import Engine

extension ChangeLog {
  /// One change of a row.
  package struct PastChange {
    package let position: Position
    /// Microseconds since 2000-01-01 UTC; nil where a snapshot found it.
    package let committedAt: Int64?
    package let xid: UInt32?
    /// Valid as long as this is kept.
    package let change: RecordedChange
    /// Whether the row left the key for another.
    package let isMovedAway: Bool
    fileprivate let place: LogPlace
    private let block: FileBlock

    fileprivate init(
      _ step: StepRecord, _ change: RecordedChange, isMovedAway: Bool, at place: LogPlace,
      in block: FileBlock
    ) {
      position = step.position
      committedAt = step.committedAt
      xid = step.xid
      self.change = change
      self.isMovedAway = isMovedAway
      self.place = place
      self.block = block
    }
  }

  /// A page of a row's past, newest first.
  package struct PastOfRow {
    package fileprivate(set) var changes: [PastChange] = []
    /// Since when all changes are known.
    package let since: Position
    /// Changes before it are still to be looked for; nil if there are none.
    package fileprivate(set) var next: LogPlace?
  }

  /// Looks for changes of one row, about `bytesMax` of the files at once.
  ///
  /// - Parameters:
  ///   - key: as the view's table finds it.
  ///   - moment: later changes are left out.
  ///   - place: what ``PastOfRow/next`` was; nil for the newest.
  ///   - limit: changes; those of the step that passes it are all given.
  /// - Returns: nil if the view's past is not kept.
  /// - Throws: ``FileFault`` or ``LogDamage``.
  package func past(
    of key: RowRef, in view: LiveView, until moment: HistoryMoment?, before place: LogPlace?,
    limit: Int, bytesMax: Int = 8 << 20
  ) throws -> PastOfRow? {
    let (segments, since) = shared.index.withLock { index in
      (index.segments, index.since(LoggedView(view)))
    }
    guard let since else { return nil }
    var past = PastOfRow(since: since)
    let scan = RowScan(key: key, reader: SectionReader(view), since: since, moment: moment)
    var left = bytesMax
    for (segment, range) in LogIndex.ranges(segments, since: since, before: place) {
      guard past.changes.count < limit, left > 0 else {
        past.next =
          past.changes.count < limit
          ? LogPlace(segment: segment.number, offset: range.upperBound) : past.changes.last?.place
        return past
      }
      left -= range.count
      past.changes += try scan.changes(segment, range).reversed()
    }
    if past.changes.count > limit {
      let last = past.changes[limit - 1].place
      past.changes.removeAll { $0.place.isBefore(last) }
      past.next = last
    }
    return past
  }
}

/// A look for one row's changes.
private struct RowScan {
  let key: RowRef
  let reader: SectionReader
  let since: Position
  let moment: HistoryMoment?

  /// The changes in a part of a segment, oldest first.
  func changes(_ segment: LogSegment, _ range: Range<Int>) throws -> [ChangeLog.PastChange] {
    var found: [ChangeLog.PastChange] = []
    var lastTime: Int64?
    var scanner = try FrameScanner(segment.file, from: range.lowerBound, to: range.upperBound)
    while let frame = try scanner.nextWhole() {
      guard case .step(let step) = try LogRecord(frame.body) else { continue }
      lastTime = step.committedAt ?? lastTime
      guard step.position.epoch == since.epoch, step.position.lsn > since.lsn,
        moment?.includes(step.position, time: lastTime) ?? true
      else { continue }
      let place = LogPlace(segment: segment.number, offset: frame.offset)
      for change in try reader.read(step, in: frame.block).sections?.first?.changes ?? [] {
        guard change.key.isSame(as: key) || change.formerKey?.isSame(as: key) ?? false else {
          continue
        }
        found.append(
          ChangeLog.PastChange(
            step, change, isMovedAway: !change.key.isSame(as: key), at: place, in: frame.block))
      }
    }
    return found
  }
}

extension LogIndex {
  /// Since when all changes of a view are here.
  func since(_ view: LoggedView) -> Position? {
    guard let position, let since = followed[view],
      let oldest = segments.first(where: { $0.start.position?.epoch == position.epoch })?
        .start.position?.lsn
    else { return nil }
    return Position(epoch: position.epoch, lsn: max(since, oldest))
  }

  /// The parts of segments that may have steps behind a position, newest first.
  fileprivate static func ranges(
    _ segments: [LogSegment], since: Position, before place: LogPlace?
  ) -> [(LogSegment, Range<Int>)] {
    var ranges: [(LogSegment, Range<Int>)] = []
    for segment in segments.reversed() where segment.number <= place?.segment ?? .max {
      guard segment.position?.epoch == since.epoch else { break }
      let isLast = segment.number == place?.segment
      var end = isLast ? min(segment.end, place?.offset ?? 0) : segment.end
      for mark in segment.marks.reversed() where mark.offset < end {
        ranges.append((segment, mark.offset..<end))
        end = mark.offset
        if mark.lsn < since.lsn { return ranges }
      }
    }
    return ranges
  }
}

extension LogPlace {
  fileprivate func isBefore(_ other: LogPlace) -> Bool {
    (segment, offset) < (other.segment, other.offset)
  }

  /// As `next` of a page has it.
  package var text: String { String(segment, radix: 16) + "." + String(offset, radix: 16) }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ (1...16).contains($0.utf8.count) }),
      let segment = UInt64(parts[0], radix: 16), let offset = Int(parts[1], radix: 16), offset >= 0
    else { return nil }
    self.init(segment: segment, offset: offset)
  }
}

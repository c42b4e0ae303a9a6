import Engine

/// What webhooks read once it is not in memory any more.
extension ChangeLog: ChangeArchive {
  package var written: Position? {
    guard status.current.state == .writing else { return nil }
    return shared.index.withLock { $0.position }
  }

  package func start(of view: LiveView) -> Position? {
    shared.index.withLock { $0.since(LoggedView(view)) }
  }

  package func reaches(_ start: ReadingStart, of view: LiveView) -> Bool {
    place(after: start.position, of: view) != nil
  }

  package func read(_ changes: ArchivedChanges) -> (
    steps: [RecordedStep], end: Position, hasMore: Bool
  )? {
    guard let place = place(after: changes.start.position, of: changes.view),
      let past = try? steps(
        from: place, changes.start, upTo: changes.end, of: changes.view, Self.pageBytes)
    else { return nil }
    return (past.steps, past.position, past.next != nil)
  }

  private static let pageBytes = 1 << 20

  /// Looks for the first segment that can have it, and through that one.
  package func position(before time: Int64) throws -> Position? {
    let (segments, end) = shared.index.withLock { ($0.segmentsOfHistory, $0.position) }
    guard let place = segments.firstIndex(where: { $0.committedAt.map { $0 >= time } ?? false })
    else { return segments.contains { $0.committedAt != nil } ? end : nil }
    // Whatever was committed before the first transaction here is not known.
    var isCovered = segments[..<place].contains { $0.committedAt != nil }
    var position = segments[place].start.position
    var scanner = try FrameScanner(segments[place].file, to: segments[place].end)
    while let frame = try scanner.nextWhole() {
      let record = try LogRecord(frame.body)
      if case .step(let step) = record, let committedAt = step.committedAt {
        guard committedAt < time else { break }
        isCovered = true
      }
      position = record.position ?? position
    }
    return isCovered ? position : nil
  }
}

extension LogIndex {
  /// The segments whose positions can be compared with the newest.
  fileprivate var segmentsOfHistory: ArraySlice<LogSegment> {
    let others = segments.lastIndex { $0.start.position?.epoch != position?.epoch }
    return segments[(others.map { $0 + 1 } ?? 0)...]
  }
}

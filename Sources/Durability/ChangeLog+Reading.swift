import Engine

extension ChangeLog {
  /// Some of the steps behind a position.
  package struct Past {
    /// Those that concern the view asked for.
    package fileprivate(set) var steps: [RecordedStep] = []
    /// Where they lead to.
    package fileprivate(set) var position: Position
    /// Where to read on; nil at the end of what is written.
    package fileprivate(set) var next: LogPlace?
  }

  /// Where the changes of a view behind a position begin; nil if they are not all in the log.
  package func place(after position: Position, of view: LiveView) -> LogPlace? {
    shared.index.withLock { $0.place(after: position, of: LoggedView(view)) }
  }

  /// Reads steps behind a position, about `bytesMax` of the files at once.
  ///
  /// - Parameters:
  ///   - place: of `position`, or what reading gave before.
  ///   - end: steps behind it are left out.
  /// - Returns: nil if they can't be read, or told from where the reader stands.
  package func read(
    from place: LogPlace, after position: Position, upTo end: LSN, of view: LiveView,
    bytesMax: Int = 1 << 20
  ) -> Past? {
    try? steps(from: place, .after(position), upTo: end, of: view, bytesMax)
  }

  func steps(
    from place: LogPlace, _ start: ReadingStart, upTo end: LSN, of view: LiveView, _ bytesMax: Int
  ) throws -> Past? {
    let position = start.position
    var past = Past(position: position)
    var stand = start
    let reader = SectionReader(view)
    var place = place
    var left = bytesMax
    while let segment = shared.index.withLock({ $0.segment(place.segment) }) {
      var scanner = try FrameScanner(segment.file, from: place.offset, to: segment.end)
      while let frame = try scanner.nextWhole() {
        let record = try LogRecord(frame.body)
        guard let reached = record.position, reached.epoch == position.epoch else { continue }
        guard reached.lsn <= end else { return past }
        guard reached.lsn > position.lsn else { continue }
        guard left > 0 else {
          past.next = LogPlace(segment: place.segment, offset: frame.offset)
          return past
        }
        left -= frame.end - frame.offset
        if case .step(let step) = record {
          let recorded = try reader.read(step, in: frame.block)
          guard !recorded.spans(stand) else { return nil }
          if recorded.sections?.isEmpty == false { past.steps.append(recorded) }
        }
        past.position = reached
        stand = .after(reached)
      }
      let following = shared.index.withLock { $0.segment(place.segment + 1) }
      guard let following else { return past }
      place = LogPlace(segment: following.number, offset: 0)
    }
    // Removed meanwhile.
    return nil
  }
}

/// Takes one view's part out of logged steps, and looks whether its rows can be read as rows of the view.
struct SectionReader {
  private let view: LiveView
  private let logged: LoggedView
  private let keyLayout: RowLayout

  init(_ view: LiveView) {
    self.view = view
    logged = LoggedView(view)
    keyLayout = RowLayout(view.keyTypes)
  }

  func read(_ step: StepRecord, in block: FileBlock) throws -> RecordedStep {
    let section = step.sections.first { $0.view == logged }
    for change in section?.changes ?? [] {
      let rows = [change.old, change.new].compactMap { $0 }
      let keys = [change.key, change.formerKey].compactMap { $0 }
      guard rows.allSatisfy(view.rowLayout.fits), keys.allSatisfy(keyLayout.fits) else {
        throw LogDamage(offset: 0, expected: "rows of \(view.name)")
      }
    }
    return RecordedStep(step, section, of: view, in: block)
  }
}

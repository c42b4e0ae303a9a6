import Engine

/// How an endpoint's changes come in: what is in memory at once, what is not by questions that somebody else asks.
extension EndpointRunner {
  struct Reading {
    /// Tells what was asked for an outbox before from what is of this one.
    let term: Int
    fileprivate var questions: [PastQuestion] = []
    /// What was asked and is not answered.
    fileprivate var asked: Set<PastQuestion.Purpose> = []
    fileprivate var reread: KeyReread?
    /// When keys were looked for last.
    fileprivate var rereadAt = Int64.min / 2
    /// Nothing is read before, since it led nowhere.
    fileprivate var resumesAt = Int64.min
    /// What the receiver is told to have missed, for the log.
    fileprivate var losses: [(lost: Position, resumesAt: Position)] = []

    init(term: Int = 0) { self.term = term }
  }

  /// Something to be read from the archive.
  struct PastQuestion {
    enum Purpose {
      case on, again
    }

    let changes: ArchivedChanges
    fileprivate let purpose: Purpose
    fileprivate let term: Int
  }

  /// Changes read from memory at once.
  private static let readMax = 1_000
  /// Reading again goes through much of the source, so that keys gather for it, in milliseconds.
  private static let rereadInterval: Int64 = 50
  /// Pages from memory in one turn.
  private static let rereadPagesMax = 50
  /// In milliseconds.
  private static let retryInterval: Int64 = 100
  private static let troubleInterval: Int64 = 1_000

  /// Takes in some of what the source has, as far as there is room.
  ///
  /// - Returns: whether there is more to be taken, behind the others' turn.
  func pull(_ source: ChangeSource, now: Int64) -> Bool {
    guard endpoint.isEnabled, now >= reading.resumesAt else { return false }
    if outbox == nil { begin(source) }
    if restart != nil { begunAgain(now) }
    guard restart == nil else { return false }
    trouble = nil
    let hasMore = readOn(source, now)
    let hasMoreAgain = readAgain(source, now)
    if trouble != nil { reading.resumesAt = now + Self.troubleInterval }
    return trouble == nil && (hasMore || hasMoreAgain)
  }

  private func begin(_ source: ChangeSource) {
    guard let cursor = record.cursor ?? source.end(of: endpoint.view) else {
      trouble = "waits for the view"
      return
    }
    begin(from: cursor)
  }

  /// The next thing to ask of the archive.
  func takeQuestion() -> PastQuestion? {
    reading.questions.isEmpty ? nil : reading.questions.removeFirst()
  }

  private func ask(_ changes: ArchivedChanges, _ purpose: PastQuestion.Purpose) {
    reading.asked.insert(purpose)
    reading.questions.append(
      PastQuestion(changes: changes, purpose: purpose, term: reading.term))
  }

  /// Takes in what the archive has.
  func hear(
    _ page: PastReader.Page?, to question: PastQuestion, _ source: ChangeSource, now: Int64
  ) {
    guard question.term == reading.term, restart == nil else { return }
    reading.asked.remove(question.purpose)
    switch (question.purpose, page) {
    case (.on, let page?):
      let end = outbox?.end
      _ = take(page.steps, upTo: page.end, now)
      // It is there for others, and not written yet: soon.
      if outbox?.end == end { reading.resumesAt = now + Self.retryInterval }
      if trouble != nil { reading.resumesAt = now + Self.troubleInterval }
    case (.on, nil):
      if let end = source.end(of: endpoint.view) { lose(question.changes.start.told, end, now) }
    case (.again, let page?):
      let place = reading.reread?.place.position
      takeAgain(page.steps, upTo: page.end)
      if reading.reread?.place.position == place {
        reading.resumesAt = now + Self.retryInterval
      }
      endRereadIfDone(now)
    case (.again, nil): giveUpReread(now)
    }
  }

  /// What the receiver was told to have missed since this was asked last.
  func takeLosses() -> [(lost: Position, resumesAt: Position)] {
    defer { reading.losses.removeAll() }
    return reading.losses
  }

  /// When reading goes on though nothing new has come; nil if that takes something else.
  func nextReadingTime(now: Int64) -> Int64? {
    if reading.resumesAt > now { return reading.resumesAt }
    guard !reading.asked.contains(.again), !(outbox?.spilled.isEmpty ?? true) else { return nil }
    return reading.rereadAt + Self.rereadInterval
  }

  // MARK: Reading on

  /// - Returns: whether there may be more.
  private func readOn(_ source: ChangeSource, _ now: Int64) -> Bool {
    guard let epoch, let outbox, outbox.wantsMore, !reading.asked.contains(.on) else {
      return false
    }
    let position = Position(epoch: epoch, lsn: outbox.end)
    let found = source.read(
      from: .after(position), view: endpoint.view, changesMax: Self.readMax)
    switch found {
    case .steps(let steps, let end, let hasMore): return take(steps, upTo: end, now) && hasMore
    case .archived(let changes):
      ask(changes, .on)
      return false
    case .gone(let resumesAt):
      guard let resumesAt else { return false }
      lose(position, resumesAt, now)
      return restart == nil
    }
  }

  /// - Returns: whether all of it was taken.
  private func take(_ steps: [RecordedStep], upTo end: Position, _ now: Int64) -> Bool {
    for step in steps {
      let events = events(step)
      // What the filter can't judge is not passed over.
      guard trouble == nil else { return false }
      outbox?.accept(step.position.lsn, events, now: now)
    }
    if let reached = outbox?.end, end.lsn > reached { outbox?.accept(end.lsn, [], now: now) }
    return true
  }

  private func lose(_ position: Position, _ resumesAt: Position, _ now: Int64) {
    guard resumesAt.epoch == epoch else {
      restart = .newHistory(resumesAt)
      return begunAgain(now)
    }
    announce(position, resumesAt: resumesAt, now)
  }

  /// Owes the receiver the news that changes are missing.
  func announce(_ lost: Position, resumesAt: Position, _ now: Int64) {
    guard let outbox else { return }
    counts.resyncs += 1
    reading.losses.append((lost, resumesAt))
    let lsn = max(resumesAt.lsn, LSN(outbox.end.value + 1))
    let position = Position(epoch: resumesAt.epoch, lsn: lsn)
    let event = WebhookEvent(position, committedAt: nil, .resync(after: lost))
    self.outbox?.accept(lsn, [event], now: now)
  }

  private func events(_ step: RecordedStep) -> [WebhookEvent] {
    (step.sections ?? []).filter { $0.view.name == endpoint.view }.flatMap { section in
      section.changes.compactMap { event($0, section.view, step) }
    }
  }

  /// Nil where the receiver hears nothing of it.
  private func event(_ change: RecordedChange, _ view: LiveView, _ step: RecordedStep)
    -> WebhookEvent?
  {
    guard let filter = lens(view)?.filter else { return nil }
    let (hadRow, hasRow) = (filter.matches(change.old), filter.matches(change.new))
    guard EventKind(hadRow: hadRow, hasRow: hasRow) != nil else { return nil }
    return .row(LoggedChange(change, of: view), of: step, hadRow: hadRow, hasRow: hasRow)
  }

  // MARK: Reading again

  /// - Returns: whether there is more to be read at once.
  private func readAgain(_ source: ChangeSource, _ now: Int64) -> Bool {
    guard trouble == nil, !reading.asked.contains(.again), beginReread(now) else { return false }
    for _ in 0..<Self.rereadPagesMax {
      guard let place = reading.reread?.place else { return false }
      let found = source.read(from: place, view: endpoint.view, changesMax: Self.readMax)
      switch found {
      case .steps(let steps, let end, let hasMore):
        takeAgain(steps, upTo: end)
        endRereadIfDone(now)
        // What is not there yet is not told of, though the outbox was, by another instance.
        if !hasMore { endReread(now) }
      case .archived(let changes):
        ask(changes, .again)
        return false
      case .gone(let resumesAt):
        if resumesAt != nil { giveUpReread(now) }
        return false
      }
    }
    return reading.reread != nil
  }

  private func beginReread(_ now: Int64) -> Bool {
    guard reading.reread == nil else { return true }
    guard let outbox, let epoch, now - reading.rereadAt >= Self.rereadInterval else { return false }
    reading.reread = KeyReread(outbox.spilled, epoch)
    if reading.reread != nil { reading.rereadAt = now }
    return reading.reread != nil
  }

  private func takeAgain(_ steps: [RecordedStep], upTo end: Position) {
    guard let last = outbox?.end else { return }
    reading.reread?.take(steps, end: end, upTo: last, view: endpoint.view) { event($0, $1, $2) }
    // What the filter can't judge is looked at later.
    if trouble != nil { reading.reread = nil }
  }

  private func endRereadIfDone(_ now: Int64) {
    guard let end = outbox?.end, reading.reread?.isDone(upTo: end) ?? false else { return }
    endReread(now)
  }

  private func endReread(_ now: Int64) {
    guard let reread = reading.reread, let end = outbox?.end else { return }
    reading.reread = nil
    for key in reread.keys.keys {
      let (changes, rest) = reread.refill(of: key, upTo: end)
      outbox?.refill(key, changes, rest: rest, now: now)
    }
  }

  private func giveUpReread(_ now: Int64) {
    guard let reread = reading.reread, let epoch, let end = outbox?.end else { return }
    reading.reread = nil
    outbox?.forgetSpilled(now: now)
    announce(reread.first, resumesAt: Position(epoch: epoch, lsn: end), now)
  }
}

import Durability
import Engine
import HTTPWire

/// One client's interest in rows: what it has been told, and what is to be told next.
///
/// It keeps no queue of changes. It knows the last mark of its interest that it has told, and tells what came behind that from
/// the rows as they are then: a client that reads slowly is told less often, and always the newest.
final class Subscription: InterestFollower, LinkedQueueMember {
  /// How it starts, where it does not with a snapshot alone.
  enum Beginning {
    /// With the changes behind this position.
    case resumed(Position, key: [UInt8])
    /// With a snapshot, and why.
    case resynced(reason: String)
  }

  /// What came of asking for a message.
  enum Progress {
    case message
    case nothing
    /// There is more to do before there is a message.
    case later
    case refused(Refused)
  }

  private enum Phase {
    /// Until a position is visible, or the deadline, on the monotonic clock.
    case waiting(for: LSN, until: Int64)
    case beginning(resync: String?)
    /// These rows are still to be told.
    case snapshot(RowAccess.Rest)
    /// Changes behind a position are read from the log, from some place on, and marked in an interest of their own.
    case readingLog(Interest, from: LogPlace, after: Position)
    /// The same, of the window.
    case readingWindow(Interest, after: Position)
    /// Changes of the past are to be told, marked in an interest of their own.
    case replay(Interest, after: UInt64)
    case live
    /// Its owner may be gone.
    case ended

    var isSnapshot: Bool {
      if case .snapshot = self { true } else { false }
    }
  }

  // What each message touches stands together, and first: with thousands of subscriptions the memory of one is far away.

  /// Whether the owner will ask it for messages.
  @exclusivity(unchecked) var isQueued = false
  @exclusivity(unchecked) var nextQueued: Subscription?
  /// Whether the interest will call at the next change.
  @exclusivity(unchecked) private var listens = false
  @exclusivity(unchecked) private(set) var knownMark: UInt64 = 0
  @exclusivity(unchecked) var places = FollowerPlaces()
  /// The position last told.
  @exclusivity(unchecked) private var told: Position?
  @exclusivity(unchecked) private var interest: Interest?
  /// Messages that were captured together with the last one.
  @exclusivity(unchecked) private var captured = ArrivalQueue<[UInt8]>()
  let form: FrameForm
  /// Nil until it has begun.
  @exclusivity(unchecked) private var style: FrameStyle?
  private let worker: PushWorker
  /// It ends the subscription before it goes. Unsafe, as a counted reference would cost a tenth of telling a short change.
  private unowned(unsafe) let owner: any SubscriptionOwner
  @exclusivity(unchecked) private var phase = Phase.beginning(resync: nil)

  let request: SubscriptionRequest
  private let reader: Reader
  private var access = RowAccess.all
  private var shape: RowShape?

  /// Slices gone through before others have a turn.
  private static let slicesAtOnce = 8
  /// Steps of the past gone through before others have a turn.
  private static let stepsAtOnce = 2_000
  /// Waits for a position end after this, in nanoseconds.
  private static let waitMax: Int64 = 2_000_000_000

  init(
    _ request: SubscriptionRequest, _ form: FrameForm, _ reader: Reader, _ worker: PushWorker,
    _ owner: any SubscriptionOwner
  ) {
    self.request = request
    self.form = form
    self.reader = reader
    self.worker = worker
    self.owner = owner
    worker.counters.subscriptions.add()
  }

  deinit { worker.counters.subscriptions.subtract() }

  /// Leaves the interest; nothing may be asked of it afterwards.
  func end() {
    leaveInterest()
    forgetCaptured()
    // The worker may still have it among those that wait for a position.
    phase = .ended
  }

  private func forgetCaptured() {
    worker.capturedBytes -= captured.reduce(0) { $0 + $1.count }
    captured.removeAll()
  }

  private func leaveInterest() {
    guard let interest else { return }
    worker.registry.unfollow(interest, self)
    worker.frames.forget(interest)
    self.interest = nil
  }

  // MARK: Following

  func interestChanged() {
    listens = false
    owner.isReady(self)
  }

  func interestWasLost(_ loss: InterestLoss) {
    worker.counters.resyncs.add()
    restart(because: loss.rawValue)
  }

  private func restart(because reason: String) {
    leaveInterest()
    forgetCaptured()
    told = nil
    phase = .beginning(resync: reason)
    owner.isReady(self)
  }

  /// Has what is visible count as told to each of them, where nothing is outstanding.
  ///
  /// - Returns: the position to tell; nil while something is outstanding.
  static func settle(_ subscriptions: some Collection<Subscription>, at visible: ReadGate.Visible)
    -> Position?
  {
    guard let position = visible.position, subscriptions.allSatisfy(\.isTold) else { return nil }
    for subscription in subscriptions { subscription.told = position }
    return position
  }

  private var isTold: Bool {
    guard case .live = phase, captured.isEmpty, !isQueued, let interest else { return false }
    return interest.lastMark == knownMark
  }

  // MARK: Telling

  /// Writes the next message, if there is one.
  func produce(_ message: inout ByteBuffer) -> Progress {
    if !captured.isEmpty {
      let next = captured.removeFirst()
      worker.capturedBytes -= next.count
      next.withUnsafeBytes { message.append($0) }
      return .message
    }
    if repeatsFrame(&message) { return .message }
    let visible = worker.enter()
    defer { worker.leave() }
    do throws(Refused) {
      return try tell(visible, &message)
    } catch {
      return .refused(error)
    }
  }

  /// Whether messages are kept that were captured together with the last one.
  var hasCaptured: Bool { !captured.isEmpty }

  /// Whether there is something to tell without a further change.
  var hasMore: Bool {
    guard !hasCaptured else { return true }
    switch phase {
    case .waiting, .ended: return false
    case .beginning, .snapshot, .readingLog, .readingWindow, .replay: return true
    case .live: return interest.map { $0.lastMark != knownMark } ?? false
    }
  }

  private func tell(_ visible: ReadGate.Visible, _ message: inout ByteBuffer) throws(Refused)
    -> Progress
  {
    switch phase {
    case .waiting, .ended: return .nothing
    case .beginning(let reason):
      guard let position = visible.position else {
        throw Refused(.notReady, "the first snapshot is not complete; see /readyz")
      }
      // One that starts anew has been there.
      if reason == nil, try !hasReachedStart(visible, position) { return .nothing }
      try begin(visible, reason, &message)
    case .snapshot, .readingLog, .readingWindow, .replay, .live: break
    }
    try checkTrust(visible)
    if case .live = phase, !hasMore {
      listen()
      return .nothing
    }
    capture(visible, &message)
    return message.isEmpty ? .later : .message
  }

  /// Has the subscription end if the view's rows can't be trusted any more.
  func lookForDistrust(_ visible: ReadGate.Visible) {
    do throws(Refused) { try checkTrust(visible) } catch { owner.isReady(self) }
  }

  private func checkTrust(_ visible: ReadGate.Visible) throws(Refused) {
    guard let view = interest?.view, let current = worker.current(view, in: visible) else { return }
    try RowEndpoints.checkTrust(current, at: visible.sequence)
  }

  /// Tells as much as may be captured at once.
  private func capture(_ visible: ReadGate.Visible, _ message: inout ByteBuffer) {
    guard let interest, let shape, let position = visible.position else { return }
    var telling = Telling(
      phase.isSnapshot ? .snapshot : .changes, form, of: interest, as: shape, worker.frames,
      worker.scratch)
    let name = frameName(visible, position)
    let isComplete = tellAll(visible, interest, &telling)
    telling.tellCrowds()
    for frame in telling.full { put(frame, &message) }
    var last = ByteBuffer()
    var frameCount = telling.full.count
    if message.isEmpty {
      if telling.end(at: isComplete ? position : nil, previous: told, &message) { frameCount += 1 }
      if isComplete, let name { worker.frames.keepFrame(name, message.view) }
    } else if telling.end(at: isComplete ? position : nil, previous: told, &last) {
      put(Array(last.bytes), &message)
      frameCount += 1
    }
    if isComplete {
      told = position
      listen()
    }
    worker.counters.frames.add(frameCount)
  }

  /// Tells what another subscription to the same has just been told, in the same round.
  private func repeatsFrame(_ message: inout ByteBuffer) -> Bool {
    guard case .live = phase, let name = worker.frames.frameName, isNext(name) else { return false }
    worker.frames.repeatFrame(&message)
    knownMark = name.interest.lastMark
    told = name.position
    listen()
    worker.counters.frames.add()
    return true
  }

  /// Whether the next frame, which tells changes only, is of this name.
  private func isNext(_ name: FrameBuffers.FrameName) -> Bool {
    worker.round?.sequence == name.sequence && worker.round?.position == name.position
      && name.after == knownMark && name.interest === interest && name.style === style
      && name.previous == told
  }

  /// What the next frame depends on, where it tells changes only.
  private func frameName(_ visible: ReadGate.Visible, _ position: Position)
    -> FrameBuffers.FrameName?
  {
    guard case .live = phase, captured.isEmpty, let interest, let style else { return nil }
    return FrameBuffers.FrameName(
      interest, style, after: knownMark, sequence: visible.sequence, previous: told,
      position: position)
  }

  private func changesName(of interest: Interest, _ visible: ReadGate.Visible)
    -> FrameBuffers.CacheName
  {
    FrameBuffers.CacheName(
      interest: interest, after: knownMark, sequence: visible.sequence,
      shape: style?.name.shape ?? [])
  }

  private func listen() {
    guard !listens, let interest else { return }
    listens = true
    interest.listen(self)
  }

  private func put(_ frame: [UInt8], _ message: inout ByteBuffer) {
    guard message.isEmpty else {
      worker.capturedBytes += frame.count
      return captured.append(frame)
    }
    frame.withUnsafeBytes { message.append($0) }
  }

  /// Tells what there is until all is told or the capture is full.
  private func tellAll(
    _ visible: ReadGate.Visible, _ interest: Interest, _ telling: inout Telling
  ) -> Bool {
    var slices = 0
    while case .snapshot(let rest) = phase {
      guard slices < Self.slicesAtOnce, telling.byteCount < worker.captureBytesMax else {
        return false
      }
      slices += 1
      let left = access.forEachRow(of: interest.view, in: rest, at: visible.sequence) { version in
        if interest.mayPass(version.row) { telling.tell(version) }
        return telling.byteCount < worker.captureBytesMax
      }
      phase = left.map { .snapshot($0) } ?? .live
    }
    if case .readingLog(let past, let place, let position) = phase {
      readLog(past, from: place, after: position, visible)
      return false
    }
    if case .readingWindow(let past, let position) = phase {
      readWindow(past, after: position)
      return false
    }
    if case .replay(let past, let mark) = phase {
      let last = telling.tellChanges(
        of: past, after: mark, at: visible.sequence, bytesMax: worker.captureBytesMax)
      phase = last == past.lastMark ? .live : .replay(past, after: last)
    }
    guard case .live = phase else { return false }
    guard interest.lastMark != knownMark else { return true }
    telling.endSnapshot()
    let name = changesName(of: interest, visible)
    knownMark = telling.tellChanges(
      of: interest, after: knownMark, at: visible.sequence, bytesMax: worker.captureBytesMax,
      reusedAs: name)
    return knownMark == interest.lastMark
  }

  /// Reads some of the log; others have a turn before there is more.
  private func readLog(
    _ past: Interest, from place: LogPlace, after position: Position,
    _ visible: ReadGate.Visible
  ) {
    guard let end = visible.position?.lsn,
      let read = worker.changeLog?.read(
        from: place, after: position, upTo: end, of: past.view)
    else { return losePast(.gone) }
    guard worker.registry.mark(read.steps, in: past) else { return losePast(.tooMany) }
    if let next = read.next {
      phase = .readingLog(past, from: next, after: read.position)
    } else {
      // What is not written yet is there.
      phase = .readingWindow(past, after: read.position)
    }
  }

  /// Reads some of the window; others have a turn before there is more.
  private func readWindow(_ past: Interest, after position: Position) {
    switch worker.registry.replay(after: position, in: past, atMost: Self.stepsAtOnce) {
    case .all: phase = .replay(past, after: 0)
    case .upTo(let next): phase = .readingWindow(past, after: next)
    case .gone: losePast(.gone)
    case .tooMany: losePast(.tooMany)
    }
  }

  /// Why changes behind a position can't be told.
  private enum PastLoss: String {
    case gone = "position_gone"
    case tooMany = "too_many_changes"
  }

  private func losePast(_ loss: PastLoss) {
    worker.counters.resyncs.add()
    restart(because: loss.rawValue)
  }

  // MARK: Beginning

  private func begin(
    _ visible: ReadGate.Visible, _ reason: String?, _ message: inout ByteBuffer
  ) throws(Refused) {
    let read = Read(
      visible: visible, reader: reader, parameters: ReadParameters(), scratch: worker.scratch)
    let view = try read.find(request.view)
    // Before anything is written: a message is either a beginning or a refusal.
    try RowEndpoints.checkTrust(view, read)
    let caps = reader.caps(view)
    let filter = try RowFilter(request.conditions, view, caps)
    access = filter.access
    let shape = try request.shape(of: view, caps)
    self.shape = shape
    style = worker.frames.style(form, shape: request.shapeName(caps: caps))
    let interest = worker.registry.follow(
      request.interest(in: view, filter, shape, caps), self)
    self.interest = interest
    listens = true
    knownMark = interest.lastMark
    phase = .snapshot(access.allRows(of: view, at: visible.sequence))
    if let reason {
      message.append(beginning: .resynced(reason: reason), as: form)
    } else if let after = request.after {
      resume(after, request.interest(in: view, filter, shape, caps), visible, &message)
    }
  }

  private func resume(
    _ after: Position, _ past: Interest, _ visible: ReadGate.Visible, _ message: inout ByteBuffer
  ) {
    if after.epoch != visible.position?.epoch {
      message.append(beginning: .resynced(reason: "epoch_changed"), as: form)
    } else if worker.registry.knowsSteps(after: after, of: past.view) {
      phase = .readingWindow(past, after: after)
      told = after
      message.append(beginning: .resumed(after, key: past.view.keyNamesJSON), as: form)
    } else if let place = worker.changeLog?.place(after: after, of: past.view) {
      phase = .readingLog(past, from: place, after: after)
      told = after
      message.append(beginning: .resumed(after, key: past.view.keyNamesJSON), as: form)
    } else {
      worker.counters.resyncs.add()
      message.append(beginning: .resynced(reason: PastLoss.gone.rawValue), as: form)
    }
  }

  /// Whether the start may be told; if not, it will be once the position is reached.
  private func hasReachedStart(_ visible: ReadGate.Visible, _ position: Position) throws(Refused)
    -> Bool
  {
    guard let wanted = try request.start(at: position), !worker.hasReached(wanted, visible) else {
      return true
    }
    let deadline = worker.clock.monotonic + Self.waitMax
    phase = .waiting(for: wanted, until: deadline)
    worker.wait(for: wanted, until: deadline, self)
    return false
  }
}

extension Subscription: PositionWaiter {
  func goesOn(_ visible: ReadGate.Visible, now: Int64, _ worker: PushWorker) -> Bool {
    guard case .waiting(let lsn, let deadline) = phase else { return false }
    if worker.hasReached(lsn, visible) {
      phase = .beginning(resync: nil)
      owner.isReady(self)
      return false
    }
    guard now >= deadline else { return true }
    owner.waitedTooLong(
      self,
      Refused(
        .positionNotReached,
        "the views are at \(visible.position.map(String.init(describing:)) ?? "no position yet")"))
    return false
  }
}

/// Who asks a subscription for its messages.
protocol SubscriptionOwner: AnyObject {
  func isReady(_ subscription: Subscription)
  /// The subscription ends since what it waits for did not come.
  func waitedTooLong(_ subscription: Subscription, _ refused: Refused)
}

import Engine

/// Records on their way from the queue that applies steps to the one that writes them.
///
/// Bounded: what does not fit is not kept, and the log says of which views. While something is not kept, everything behind it is
/// kept again as soon as there is room.
struct HandOver {
  /// Frames without checksums.
  private(set) var bytes: [UInt8] = []
  private(set) var notes: [FrameNote] = []
  private(set) var nextSerial: UInt64
  /// The views as the log was told last.
  private(set) var views: [LoggedView]
  private var lost: [LoggedView] = []
  private(set) var position: Position?
  /// Of the last steps handed over, the sequence and the serial of the last record.
  private var last: Handed
  private var beforeLast: Handed
  /// Whether the writer has been told.
  var isWriterCalled = false

  struct Handed {
    let sequence: UInt64
    var serial: UInt64
  }

  /// A step that takes more is not kept, as in ``ChangeWindow``.
  static let stepBytesMax = 16 << 20
  /// Well below what ``ChangeWindow`` keeps: what is not written yet is to be found there.
  static let bytesMax = 32 << 20

  init(nextSerial: UInt64, views: [LoggedView], position: Position?) {
    self.nextSerial = nextSerial
    self.views = views
    self.position = position
    last = Handed(sequence: 0, serial: nextSerial - 1)
    beforeLast = last
  }

  /// - Returns: false if the step is not kept.
  mutating func add(_ batch: borrowing ChangeBatch) -> Bool {
    beforeLast = last
    defer {
      position = batch.position
      last = Handed(sequence: batch.sequence, serial: nextSerial - 1)
    }
    guard !batch.changes.isEmpty else { return true }
    let count = StepRecord.byteCount(batch)
    guard count <= Self.stepBytesMax, bytes.count + count <= Self.bytesMax else {
      lose(batch)
      return false
    }
    tellLost()
    let start = bytes.count
    LogFrame.append(serial: nextSerial, to: &bytes) { StepRecord.append(batch, to: &$0) }
    note(.step, at: batch.position, batch.committedAt, from: start)
    return true
  }

  /// Records the views that are followed, if they are others.
  ///
  /// - Returns: whether they are.
  mutating func add(_ views: [LoggedView], at position: Position) -> Bool {
    guard views != self.views else { return false }
    tellLost()
    self.views = views
    let start = bytes.count
    LogFrame.append(serial: nextSerial, to: &bytes) {
      LogRecord.append(views: views, at: position, to: &$0)
    }
    note(.views(views), at: position, nil, from: start)
    self.position = position
    last.serial = nextSerial - 1
    return true
  }

  /// Records that nothing has changed up to `visible`, if that is new.
  mutating func add(reached visible: ReadGate.Visible) {
    guard let position = visible.position, position.epoch == self.position?.epoch,
      position != self.position, last.sequence <= visible.sequence, lost.isEmpty
    else { return }
    let start = bytes.count
    LogFrame.append(serial: nextSerial, to: &bytes) {
      LogRecord.append(reached: position, to: &$0)
    }
    note(.reached, at: position, nil, from: start)
    self.position = position
    last.serial = nextSerial - 1
  }

  /// Takes everything.
  mutating func take() -> (bytes: [UInt8], notes: [FrameNote]) {
    tellLost()
    isWriterCalled = false
    defer {
      bytes = []
      notes = []
    }
    return (bytes, notes)
  }

  /// The last record that is part of what is visible.
  ///
  /// A step is handed over before it is visible, and the one before it was visible then.
  func serial(of visible: ReadGate.Visible) -> UInt64 {
    last.sequence <= visible.sequence ? last.serial : beforeLast.serial
  }

  private mutating func lose(_ batch: borrowing ChangeBatch) {
    for change in batch.changes where lost.last?.name != change.view.name {
      let view = LoggedView(change.view)
      if !lost.contains(view) { lost.append(view) }
    }
  }

  private mutating func tellLost() {
    guard !lost.isEmpty, let position else { return }
    let views = lost
    lost = []
    let start = bytes.count
    LogFrame.append(serial: nextSerial, to: &bytes) {
      LogRecord.append(lost: views, at: position, to: &$0)
    }
    note(.lost(views), at: position, nil, from: start)
  }

  private mutating func note(
    _ kind: FrameNote.Kind, at position: Position, _ committedAt: Int64?, from start: Int
  ) {
    notes.append(
      FrameNote(
        serial: nextSerial, byteCount: bytes.count - start, position: position,
        committedAt: committedAt, kind: kind))
    nextSerial += 1
  }
}

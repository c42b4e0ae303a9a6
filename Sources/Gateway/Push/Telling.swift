import Engine
import HTTPWire

/// Frames being put together from what was captured at one position.
struct Telling {
  private let form: FrameForm
  private let frames: FrameBuffers
  private let shape: RowShape
  private let scratch: WorkerScratch
  private let interest: Interest
  private var kind: Frame.Kind
  /// Frames that are full; the last one is still to come.
  private(set) var full: [[UInt8]] = []
  private var fullBytes = 0
  /// Rows of a snapshot that are there too often to be written as often; told as changes, which say how often.
  private var crowds: [RowVersion] = []
  private var crowdBytes = 0

  /// A frame ends behind the item that takes it past this.
  private static let frameBytes = 65_536
  /// A row is written as often as it is there, up to so many times, or until a frame is full.
  private static let repeatsMax = 100

  init(
    _ kind: Frame.Kind, _ form: FrameForm, of interest: Interest, as shape: RowShape,
    _ frames: FrameBuffers, _ scratch: WorkerScratch
  ) {
    self.kind = kind
    self.form = form
    self.interest = interest
    self.shape = shape
    self.frames = frames
    self.scratch = scratch
    frames.removeAll()
  }

  var byteCount: Int { fullBytes + frames.items.count + frames.failures.count + crowdBytes }

  /// Writes the last frame: with the position that was captured, or, where more has to be captured, without; then only if there
  /// is something in it.
  mutating func end(
    at position: Position?, previous: Position?, _ message: inout ByteBuffer
  ) -> Bool {
    guard position != nil || !frames.items.isEmpty || !frames.failures.isEmpty else { return false }
    message.append(frame(at: position, previous: previous), as: form)
    frames.removeAll()
    return true
  }

  private func frame(at position: Position?, previous: Position?) -> Frame {
    Frame(
      kind: kind, items: frames.items.view, failures: frames.failures.view,
      key: interest.view.keyNamesJSON, position: position, previous: previous)
  }

  private mutating func cut() {
    var message = ByteBuffer(capacity: frames.items.count + 256)
    message.append(frame(at: nil, previous: nil), as: form)
    full.append(Array(message.bytes))
    fullBytes += message.count
    frames.removeAll()
  }

  // MARK: Snapshot

  mutating func tell(_ version: RowVersion) {
    if let fault = version.fault { return tellFailure(version, fault) }
    guard
      version.copies == 1
        || version.copies <= min(Self.repeatsMax, Self.frameBytes / max(1, version.json.count))
    else {
      crowds.append(version)
      crowdBytes += version.json.count
      return
    }
    for _ in 0..<version.copies {
      if !frames.items.isEmpty { frames.items.append(",") }
      shape.write(version, to: &frames.items, scratch)
      if frames.items.count >= Self.frameBytes { cut() }
    }
  }

  private mutating func tellFailure(_ version: RowVersion, _ fault: ValueFault) {
    if !frames.failures.isEmpty { frames.failures.append(",") }
    frames.failures.append("{\"key\":")
    interest.keyJSON(of: version.row).withUnsafeBytes { frames.failures.append($0) }
    frames.failures.append(",\"error\":")
    frames.failures.append(jsonString: fault.message)
    frames.failures.append("}")
    if frames.failures.count >= Self.frameBytes { cut() }
  }

  /// Ends the snapshot, as changes follow: those since its first rows were read, or crowds.
  mutating func endSnapshot() {
    guard kind == .snapshot else { return }
    cut()
    kind = .changes
  }

  /// Tells of the rows that are there too often to be repeated; before the frames are taken.
  mutating func tellCrowds() {
    guard !crowds.isEmpty else { return }
    endSnapshot()
    for version in crowds { tell(.upsert(version)) }
    crowds.removeAll()
    crowdBytes = 0
  }

  // MARK: Changes

  /// Tells what changed behind a mark, until a capture is full.
  ///
  /// - Parameter name: of the changes, if others may have to be told the same.
  /// - Returns: the mark up to which all is told.
  mutating func tellChanges(
    of interest: Interest, after mark: UInt64, at sequence: UInt64, bytesMax: Int,
    reusedAs name: FrameBuffers.CacheName? = nil
  ) -> UInt64 {
    let isFirst = byteCount == 0 && full.isEmpty
    if let name, isFirst, frames.reuse(name) { return interest.lastMark }
    let last = interest.forEachChange(after: mark, at: sequence) { change in
      tell(change)
      return byteCount < bytesMax
    }
    if let name, isFirst, full.isEmpty, last == interest.lastMark { frames.keep(name) }
    return last
  }

  private mutating func tell(_ change: Interest.Change) {
    if !frames.items.isEmpty { frames.items.append(",") }
    switch change {
    case .upsert(let version):
      if let fault = version.fault {
        frames.items.append(deleteOf: interest.keyJSON(of: version.row), because: fault)
      } else {
        frames.items.append("{\"op\":\"upsert\",\"row\":")
        shape.write(version, to: &frames.items, scratch)
        if version.copies != 1 {
          frames.items.append(",\"copies\":")
          frames.items.append(decimal: version.copies)
        }
        frames.items.append("}")
      }
    case .delete(let key): frames.items.append(deleteOf: key)
    }
    if frames.items.count >= Self.frameBytes { cut() }
  }
}

import Engine

/// Says, beside a checkpoint, up to where nothing has changed the state that it has.
struct IdleNote: Equatable {
  static let name = "checkpoint.reached"
  private static let draftName = "checkpoint.reached.draft"

  let checkpoint: UInt64
  let position: Position

  init(checkpoint: UInt64, position: Position) {
    self.checkpoint = checkpoint
    self.position = position
  }

  /// The note in a folder; nil if there is none, or it is damaged.
  init?(_ directory: DataDirectory) {
    guard let file = try? directory.file(Self.name, creates: false), let size = try? file.size,
      var scanner = try? FrameScanner(file, to: min(size, 4_096)),
      let frame = try? scanner.nextWhole(),
      case .reached(let position)? = try? LogRecord(frame.body)
    else { return nil }
    self.init(checkpoint: frame.serial, position: position)
  }

  /// Returns once the note is durable.
  func write(to directory: DataDirectory) throws {
    try directory.remove(Self.draftName)
    let file = try directory.file(Self.draftName, creates: true)
    var bytes: [UInt8] = []
    LogFrame.append(serial: checkpoint, to: &bytes) {
      LogRecord.append(reached: position, to: &$0)
    }
    LogFrame.seal(&bytes)
    try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    try file.sync()
    try directory.rename(Self.draftName, to: Self.name)
    try directory.sync()
  }
}

extension CheckpointStart {
  /// Up to where nothing has changed what the checkpoint has, by the note beside it.
  func reached(_ directory: DataDirectory) -> Position {
    guard let note = IdleNote(directory), note.checkpoint == id,
      note.position.epoch == position.epoch, note.position.lsn > position.lsn
    else { return position }
    return note.position
  }
}

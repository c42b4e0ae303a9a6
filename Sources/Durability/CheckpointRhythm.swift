/// When a checkpoint is due. A restart reads what came behind the last one again, and the server keeps its log until there is one.
package struct CheckpointRhythm: Sendable {
  /// After so long, if anything has changed.
  package var age = Duration.seconds(300)
  /// After so many bytes of the server's log, if anything has changed.
  package var walBytes = 256 << 20

  package init() {}

  /// After as much change log as takes about a second to apply.
  static let logBytesMin = 32 << 20
  /// While nothing changes, how often it is noted how far that is so; the server keeps the log of others' work until then.
  static let idleNoteInterval: Int64 = 10_000_000_000
  /// How long a child may write, and how long one is waited for when the process is to end.
  static let writingTimeMax: Int64 = 180_000_000_000
  static let lastWritingTimeMax: Int64 = 20_000_000_000
  /// After a failure, doubled up to the second.
  static let retryDelayMin: Int64 = 1_000_000_000
  static let retryDelayMax: Int64 = 60_000_000_000
}

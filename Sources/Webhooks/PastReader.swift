import Engine
import Runtime

/// Reads changes that are not in memory any more, on a queue that may block on the disk.
actor PastReader: QueueConfined {
  nonisolated let executor = QueueExecutor(label: "onhand.webhooks.past")
  private let source: ChangeSource

  /// What was found; nil where it can't be read.
  typealias Page = (steps: [RecordedStep], end: Position, hasMore: Bool)

  init(_ source: ChangeSource) { self.source = source }

  /// Reads a page; `completion` is called on this queue.
  nonisolated func read(
    _ changes: ArchivedChanges, _ completion: @escaping @Sendable (Page?) -> Void
  ) {
    post { reader in completion(reader.source.archive?.read(changes)) }
  }

  /// Finds what ``ChangeSource/position(before:)`` does; nil also where the archive can't be read.
  nonisolated func find(before time: Int64, _ completion: @escaping @Sendable (Position?) -> Void) {
    post { reader in completion(try? reader.source.position(before: time)) }
  }
}

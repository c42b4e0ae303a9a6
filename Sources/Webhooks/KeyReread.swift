import Engine

/// A way through the past for some keys whose changes were left to it.
///
/// Goes page by page, as the source has them, and ends where the outbox reads on, or earlier where enough was found.
struct KeyReread {
  /// By key the first step that counts.
  let keys: [[UInt8]: LSN]
  private(set) var found: [[UInt8]: [(lsn: LSN, change: WebhookEvent)]]
  /// Where to read on.
  private(set) var place: ReadingStart
  private var bytes = 0
  private var fullCount = 0

  /// What is found is kept until the end, up to this and a page.
  private static let bytesMax = 4 << 20

  /// Nil for no keys.
  init?(_ keys: [[UInt8]: LSN], _ epoch: Epoch) {
    guard let first = keys.values.min() else { return nil }
    self.keys = keys
    found = keys.mapValues { _ in [] }
    place = .at(Position(epoch: epoch, lsn: first))
  }

  /// The first step that anybody here is owed.
  var first: Position {
    Position(epoch: place.told.epoch, lsn: keys.values.min() ?? place.told.lsn)
  }

  /// Takes a page.
  ///
  /// - Parameters:
  ///   - last: steps behind it are for others.
  ///   - event: nil for a change that the receiver hears nothing of.
  mutating func take(
    _ steps: [RecordedStep], end: Position, upTo last: LSN, view: QualifiedName,
    _ event: (RecordedChange, LiveView, RecordedStep) -> WebhookEvent?
  ) {
    for step in steps where step.position.lsn <= last {
      for section in step.sections ?? [] where section.view.name == view {
        for change in section.changes {
          let key = Array(change.key.bytes)
          guard let from = keys[key], step.position.lsn >= from, !isFull(key),
            let event = event(change, section.view, step)
          else { continue }
          found[key, default: []].append((step.position.lsn, event))
          bytes += event.byteCount
          if isFull(key) { fullCount += 1 }
        }
      }
    }
    place = .after(end)
  }

  /// One more than can be taken in: it tells where the rest begins.
  private func isFull(_ key: [UInt8]) -> Bool {
    (found[key]?.count ?? 0) > Outbox<WebhookEvent>.rereadMax
  }

  /// - Parameter last: of the steps that count.
  func isDone(upTo last: LSN) -> Bool {
    place.position.lsn >= last || bytes >= Self.bytesMax || fullCount == keys.count
  }

  /// What to take in again of a key, and from which step on the rest is left.
  func refill(of key: [UInt8], upTo last: LSN) -> (
    changes: [(lsn: LSN, change: WebhookEvent)], rest: LSN?
  ) {
    let entries = found[key] ?? []
    let taken = Array(entries.prefix(Outbox<WebhookEvent>.rereadMax))
    if entries.count > taken.count { return (taken, entries[taken.count].lsn) }
    let reached = place.position.lsn
    return (taken, reached < last ? LSN(reached.value + 1) : nil)
  }
}

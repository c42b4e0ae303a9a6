/// What a receiver is told: of one row, or that it must read the view anew.
package struct WebhookEvent: OutboxChange {
  package enum Content: Sendable {
    /// With whether the receiver had the row, and whether it has it now.
    case row(LoggedChange, hadRow: Bool, hasRow: Bool)
    /// What happened between the two positions is not to be had.
    case resync(after: Position)
  }

  package let position: Position
  /// Microseconds since 2000-01-01 UTC; nil where it came with a snapshot.
  package let committedAt: Int64?
  package let content: Content

  package init(_ position: Position, committedAt: Int64?, _ content: Content) {
    self.position = position
    self.committedAt = committedAt
    self.content = content
  }

  package static func row(
    _ change: LoggedChange, of step: RecordedStep, hadRow: Bool, hasRow: Bool
  ) -> WebhookEvent {
    WebhookEvent(
      step.position, committedAt: step.committedAt,
      .row(change, hadRow: hadRow, hasRow: hasRow))
  }

  /// Empty for what is about no row.
  package var key: [UInt8] {
    switch content {
    case .row(let change, _, _): Array(change.key)
    case .resync: []
    }
  }

  package var kind: EventKind? {
    switch content {
    case .row(_, let hadRow, let hasRow): EventKind(hadRow: hadRow, hasRow: hasRow)
    case .resync: nil
    }
  }

  package var byteCount: Int {
    switch content {
    case .row(let change, _, _): change.byteCount + 96
    case .resync: 128
    }
  }

  package var isNothing: Bool {
    switch content {
    case .row: kind == nil
    case .resync: false
    }
  }

  package mutating func absorb(_ later: WebhookEvent) {
    guard case .row(let change, let hadRow, _) = content,
      case .row(let next, _, let hasRow) = later.content
    else { return }
    self = WebhookEvent(
      later.position, committedAt: later.committedAt,
      .row(change.followed(by: next), hadRow: hadRow, hasRow: hasRow))
  }
}

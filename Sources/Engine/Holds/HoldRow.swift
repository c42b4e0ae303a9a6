/// A row of `onhand.holds` as the log, or a snapshot, tells it: what every instance needs of each hold.
package struct HoldRow: Sendable, Equatable {
  package let id: HoldID
  package let status: HoldStatus
  /// Who took it: the process, by the id it gave itself at its start.
  package let instance: HoldID
  package let supersededBy: HoldID?
  package let caller: String
  package let reference: String?
  package let idempotencyKey: String?
  package let units: Int64

  package init(
    id: HoldID, status: HoldStatus, instance: HoldID, supersededBy: HoldID?, caller: String,
    reference: String?, idempotencyKey: String?, units: Int64
  ) {
    self.id = id
    self.status = status
    self.instance = instance
    self.supersededBy = supersededBy
    self.caller = caller
    self.reference = reference
    self.idempotencyKey = idempotencyKey
    self.units = units
  }
}

/// Who judges holds: hears of their rows in the order of the log, and of each step before anybody sees it.
///
/// Called on the queue that applies the log; must be brief and not block.
package protocol HoldWitness: AnyObject, Sendable {
  /// A new snapshot: all rows follow, then a step.
  func snapshotBegins()
  func snapshotHas(_ row: HoldRow)
  /// All rows of the snapshot were told.
  func snapshotEnds()

  /// - Returns: whether the step must end with the transaction at hand: the row is to be judged at its place.
  func inserted(_ row: HoldRow) -> Bool
  /// - Parameter old: nil where the log does not tell it.
  /// - Returns: as ``inserted(_:)``.
  func updated(from old: HoldRow?, to row: HoldRow) -> Bool
  func deleted(_ row: HoldRow)

  /// What the log has told of holds, between two steps: a checkpoint writes it.
  var holdIndex: HoldIndex { get }
  /// Goes on from the index of a checkpoint; the log behind it follows, and no snapshot.
  func restore(_ index: HoldIndex)

  /// The step's rows are in the views' tables under `sequence`, and nobody sees them yet.
  func stepIsApplied(_ views: ViewDirectory, sequence: UInt64, position: Position)
  /// They can be seen.
  func stepIsVisible()
}

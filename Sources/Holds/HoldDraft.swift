import Engine

/// A hold as it is asked for.
package struct HoldDraft: Sendable {
  package struct Line: Sendable {
    package let key: HoldKey
    /// As JSON, for answers.
    package let item: String
    package let location: String
    /// As the columns' types read them.
    package let itemText: String
    package let locationText: String
    package let requested: Int64
    /// What is to be taken of it: less than requested where that is allowed.
    package var quantity: Int64

    package init(
      key: HoldKey, item: String, location: String, itemText: String, locationText: String,
      requested: Int64
    ) {
      self.key = key
      self.item = item
      self.location = location
      self.itemText = itemText
      self.locationText = locationText
      self.requested = requested
      quantity = requested
    }
  }

  /// A new one for each attempt.
  package var id: HoldID
  package let caller: String
  package let reference: String?
  package let idempotencyKey: String?
  /// Of the body, so that a key used again for something else is found out.
  package let digest: String
  package let ttl: Duration
  package let allowsPartial: Bool
  /// JSON, if any.
  package let metadata: String?
  /// Each key once.
  package var lines: [Line]
  /// What it takes the place of, as the database had it.
  package var replaces: HoldDocument?
  /// Whether a race was lost and it is tried once more.
  package var isSecondTry = false

  package init(
    id: HoldID, caller: String, reference: String?, idempotencyKey: String?, digest: String,
    ttl: Duration, allowsPartial: Bool, metadata: String?, lines: [Line]
  ) {
    self.id = id
    self.caller = caller
    self.reference = reference
    self.idempotencyKey = idempotencyKey
    self.digest = digest
    self.ttl = ttl
    self.allowsPartial = allowsPartial
    self.metadata = metadata
    self.lines = lines
  }

  var units: Int64 { lines.map(\.quantity).reduce(0, +) }

  var claim: HoldClaim {
    let replaced = (replaces?.lines ?? []).compactMap { line in
      line.key.map { ($0, line.quantity) }
    }
    return HoldClaim(
      lines: lines.filter { $0.quantity > 0 }.map {
        HoldUnits(key: $0.key, units: $0.quantity)
      }, replaces: replaces?.id,
      replaced: Dictionary(replaced, uniquingKeysWith: +))
  }
}

import Engine

/// A hold as it is asked for.
package struct HoldDraft: Sendable {
  package struct Line: Sendable {
    package let key: HoldKey
    /// The key's columns as members of an object of JSON, for answers.
    package let keyMembers: String
    /// The same as the columns' types read them, in the order of the configuration.
    package let keyTexts: [String]
    package let requested: Int64
    /// What is to be taken of it: less than requested where that is allowed.
    package var quantity: Int64

    package init(key: HoldKey, keyMembers: String, keyTexts: [String], requested: Int64) {
      self.key = key
      self.keyMembers = keyMembers
      self.keyTexts = keyTexts
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

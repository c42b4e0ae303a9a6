import Engine

/// What became of a request about holds.
package enum HoldOutcome: Sendable {
  /// As it is now. `isNew` where this request took it.
  case hold(HoldDocument, isNew: Bool, position: Position?)
  case holds([HoldDocument])
  /// Written and not decided; its row says so.
  case pending(HoldID)
  case short([HoldShort])
  case explained(HoldExplanation)
  case failed(HoldFailure)
}

/// A line that can't be met, as answers show it.
package struct HoldShort: Sendable {
  /// As in ``HoldDraft/Line``.
  package let keyMembers: String
  package let requested: Int64
  package let available: Int64
}

/// Why nothing was done.
package enum HoldFailure: Sendable {
  /// The same key or reference is being worked on.
  case inFlight
  /// Nobody is left who could tell whether the hold was granted.
  case undecided
  /// The idempotency key was used for something else.
  case keyReused
  /// A hold with this reference is paid for.
  case referenceConfirmed(HoldID)
  case unknownHold
  /// Another ending came first.
  case conflict(HoldStatus, since: String?)
  case expired(since: String)
  /// Another of its reference takes its place, which may not be decided yet and is not named for that.
  case replaced
  /// A shop's open transaction has the row.
  case busy
  /// The database refused what the client sent.
  case unacceptable(String)
  /// The log is followed too slowly, by seconds.
  case lagging(Int)
  case unreachable(String)
  case tooMany
  /// The database has not been asked yet what the view is.
  case notReady
  case limit(HoldLimit)
}

/// What a caller has too much of.
package enum HoldLimit: Sendable {
  case active(Int)
  case units(Int)
  case rate(Int)
}

/// What is behind the number of one key.
package struct HoldExplanation: Sendable {
  /// JSON: an array of holds, the first 1,000.
  package let holds: String
  /// JSON: when the next of them expires, or `null`.
  package let nextExpiry: String
  /// Of this process, units that the log does not show yet, and those that it has refused and does not say so yet.
  package let inFlight: Int64
  package let refused: Int64
}

/// What is held, an item at a place, as the availability view's key has it: equal keys have equal bytes.
package struct HoldKey: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The units of one key that a hold takes.
package struct HoldUnits: Sendable, Hashable {
  package let key: HoldKey
  package var units: Int64

  package init(key: HoldKey, units: Int64) {
    self.key = key
    self.units = units
  }
}

/// What a hold takes: each key once.
package struct HoldClaim: Sendable {
  package let lines: [HoldUnits]
  /// The hold that it replaces, if any.
  package let replaces: HoldID?
  /// The units of that one: they are free once this is granted.
  package let replaced: [HoldKey: Int64]

  package init(
    lines: [HoldUnits], replaces: HoldID? = nil, replaced: [HoldKey: Int64] = [:]
  ) {
    self.lines = lines
    self.replaces = replaces
    self.replaced = replaced
  }

  /// The same where there is nothing to replace any more.
  var replacingNothing: HoldClaim { HoldClaim(lines: lines) }

  /// By how much it takes more of a line's key than what it replaces; 0 where it takes no more.
  func raise(_ line: HoldUnits) -> Int64 { max(0, line.units - (replaced[line.key] ?? 0)) }
}

/// A line that can't be met.
package struct HoldShortage: Sendable, Hashable {
  /// Among the claim's lines.
  package let line: Int
  package let requested: Int64
  /// What could be had, never below 0.
  package let available: Int64
}

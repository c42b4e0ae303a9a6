/// What the log has told of everybody's holds: which idempotency keys and references are taken, and how much each caller has.
///
/// Keys are kept as 64-bit hashes under the process's seed, 8 bytes each and what a set costs: enough to know that something
/// is not there. Who finds one here asks the database. Bounded by the rows of `onhand.holds`, which are purged.
package struct HoldIndex: Sendable {
  package struct Usage: Sendable, Hashable {
    package var holds = 0
    package var units: Int64 = 0

    package init() {}
  }

  let hasher: RowHasher
  /// By hash of caller and key; a rejected hold has given its key back.
  var idempotencyKeys: [UInt64: HoldID] = [:]
  /// By hash of caller and reference: the active hold that no other takes the place of.
  var references: [UInt64: HoldID] = [:]
  var usage: [String: Usage] = [:]

  package init(hasher: RowHasher) { self.hasher = hasher }

  package func hold(caller: String, idempotencyKey: String) -> HoldID? {
    idempotencyKeys[hash(caller, idempotencyKey)]
  }

  package func hold(caller: String, reference: String) -> HoldID? {
    references[hash(caller, reference)]
  }

  package func usage(of caller: String) -> Usage { usage[caller] ?? Usage() }

  /// One that knows of nothing yet.
  package var emptied: HoldIndex { HoldIndex(hasher: hasher) }

  /// The row is there. One that came first keeps its key and its reference.
  package mutating func add(_ row: HoldRow) {
    if row.status.isActive { count(row, 1) }
    if let key = row.idempotencyKey, row.status != .rejected {
      idempotencyKeys[hash(row.caller, key)] = idempotencyKeys[hash(row.caller, key)] ?? row.id
    }
    if let reference = row.reference, row.status.isActive, row.supersededBy == nil {
      references[hash(row.caller, reference)] = references[hash(row.caller, reference)] ?? row.id
    }
  }

  /// The row is not there, or not as it was.
  package mutating func remove(_ row: HoldRow) {
    if row.status.isActive { count(row, -1) }
    if let key = row.idempotencyKey, idempotencyKeys[hash(row.caller, key)] == row.id {
      idempotencyKeys[hash(row.caller, key)] = nil
    }
    if let reference = row.reference, references[hash(row.caller, reference)] == row.id {
      references[hash(row.caller, reference)] = nil
    }
  }

  private mutating func count(_ row: HoldRow, _ sign: Int) {
    var sum = usage[row.caller] ?? Usage()
    sum.holds += sign
    sum.units += Int64(sign) * row.units
    usage[row.caller] = sum == Usage() ? nil : sum
  }

  private func hash(_ caller: String, _ text: String) -> UInt64 {
    // Neither contains a NUL, so that the two can't run into each other.
    var joined = "\(caller)\0\(text)"
    return joined.withUTF8 { hasher.hash(UnsafeRawBufferPointer($0)) }
  }
}

/// What keys of a view showed before some steps, of those keys that the steps changed.
struct RowsBefore: Sendable {
  /// By key; nil where there was no row.
  private var rows: [[UInt8]: [UInt8]?] = [:]

  /// What `key` showed; the outer nil where the steps did not change it.
  func row(under key: [UInt8]) -> [UInt8]?? { rows[key] }

  /// Takes note of the next step's changes.
  mutating func note(_ changes: [RecordedChange]) {
    // A key that a row leaves may be another's in the same step.
    for change in changes {
      guard let old = change.old else { continue }
      note(change.formerKey ?? change.key, Array(old.bytes))
    }
    for change in changes { note(change.key, nil) }
  }

  private mutating func note(_ key: RowRef, _ row: [UInt8]?) {
    let key = Array(key.bytes)
    if rows[key] == nil { rows[key] = .some(row) }
  }
}

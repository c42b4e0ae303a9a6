/// How the rows of a view that can pass a filter are found: by key, by group, or among all of them.
package enum RowAccess: Sendable {
  case keys(KeyProbe)
  /// By the column that the view's rows are grouped by; the probe's keys have it alone.
  case groups(KeyProbe)
  case all

  /// - Parameters:
  ///   - filter: one that ``FilterBinder`` takes for the view.
  ///   - capped: columns whose values the filter sees changed.
  package init(_ filter: Filter, of view: LiveView, capped: Set<Int> = []) {
    let columns = view.definition.columns
    let key = view.definition.key
    if let probe = KeyProbe(filter, columns: columns, key: key, capped: capped) {
      self = .keys(probe)
    } else if let group = view.table.groupColumn,
      let probe = KeyProbe(filter, columns: columns, key: [key[group]], capped: capped)
    {
      self = .groups(probe)
    } else {
      self = .all
    }
  }

  /// Calls `body` with every row of `view` that can pass the filter as of `sequence`, and maybe with others; versions are
  /// valid while the reader is inside the gate.
  ///
  /// While an expression fails for some row, all rows are gone through: its key may be what failed.
  package func forEachRow(
    of view: LiveView, at sequence: UInt64, _ body: (RowVersion) -> Void
  ) {
    switch view.status(at: sequence).faultyCount == 0 ? self : .all {
    case .keys(let probe):
      for key in probe.keys {
        Self.withRow(key) { view.table.find($0, at: sequence).map(body) }
      }
    case .groups(let probe):
      for group in probe.keys {
        Self.withRow(group) { view.table.find(group: $0, at: sequence)?.forEach(body) }
      }
    case .all: view.table.forEachRow(at: sequence, body)
    }
  }

  private static func withRow(_ key: [UInt8], _ body: (RowRef) -> Void) {
    key.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      body(RowRef(base: base, count: bytes.count))
    }
  }
}

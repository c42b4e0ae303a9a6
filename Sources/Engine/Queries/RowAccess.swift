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

  /// How far one has come who goes through rows in parts.
  package enum Rest: Sendable {
    case slice(TableSlice)
    /// Of the probe's keys or groups, by number; of the first one's rows those with such a hash and greater ones.
    case keys(from: Int, hash: UInt64)
  }

  /// Keys or groups in one part.
  private static let keysAtOnce = 1_024

  /// All rows that can pass, to be gone through in parts.
  package func allRows(of view: LiveView, at sequence: UInt64) -> Rest {
    let status = view.status(at: sequence)
    switch self {
    case .keys where status.faultyCount == 0, .groups where status.faultyCount == 0:
      return .keys(from: 0, hash: 0)
    case .keys, .groups, .all: return .slice(.first(ofRows: status.rowCount))
    }
  }

  /// Calls `body` with rows of `view` that can pass the filter as of `sequence`, until it returns false or a part has been gone
  /// through. Who goes on with what is left meets each key once, however the rows change meanwhile.
  ///
  /// - Returns: what is left; nil if nothing.
  package func forEachRow(
    of view: LiveView, in rest: Rest, at sequence: UInt64, until body: (RowVersion) -> Bool
  ) -> Rest? {
    switch (rest, self) {
    case (.slice(let slice), _):
      let left = view.table.forEachRow(in: slice, at: sequence, until: body) ?? slice.next
      return left.map { .slice($0) }
    case (.keys(let from, let hash), .groups(let probe)):
      var (hash, isEnough) = (hash, false)
      for number in from..<probe.keys.count {
        guard !isEnough, number - from < Self.keysAtOnce else {
          return .keys(from: number, hash: 0)
        }
        var left: UInt64?
        Self.withRow(probe.keys[number]) { group in
          left = view.table.forEachRow(ofGroup: group, from: hash, at: sequence) { version in
            if !body(version) { isEnough = true }
            return !isEnough
          }
        }
        if let left { return .keys(from: number, hash: left) }
        hash = 0
      }
      return nil
    case (.keys(let from, _), .keys(let probe)):
      for number in from..<probe.keys.count {
        var isEnough = number + 1 - from >= Self.keysAtOnce
        Self.withRow(probe.keys[number]) { key in
          view.table.find(key, at: sequence).map { if !body($0) { isEnough = true } }
        }
        if isEnough, number + 1 < probe.keys.count { return .keys(from: number + 1, hash: 0) }
      }
      return nil
    case (.keys, .all): return nil
    }
  }

  private static func withRow(_ key: [UInt8], _ body: (RowRef) -> Void) {
    key.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      body(RowRef(base: base, count: bytes.count))
    }
  }
}

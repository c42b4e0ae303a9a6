/// What happened to a row, as seen through an endpoint's filter.
package enum EventKind: String, Sendable {
  case inserted = "row.inserted"
  case updated = "row.updated"
  case deleted = "row.deleted"

  /// Nil where the row is on neither side: nothing happened.
  package init?(hadRow: Bool, hasRow: Bool) {
    switch (hadRow, hasRow) {
    case (false, true): self = .inserted
    case (true, true): self = .updated
    case (true, false): self = .deleted
    case (false, false): return nil
    }
  }
}

/// Which rows an endpoint is about.
///
/// Belongs to one queue. A row of which nobody knows whether it matches, since an expression fails for it, does not.
package final class EventFilter {
  private let program: Program?
  private let faultSlots: [ColumnSlot]

  /// - Parameter conditions: by column, or a group, as a query's; all must hold.
  package init(_ conditions: [(name: String, value: String)], _ view: LiveView)
    throws(QueryFault)
  {
    var parser = FilterParser()
    let binder = FilterBinder(view.definition.columns)
    var bound: [Expression] = []
    for condition in conditions {
      bound.append(try binder.bind(try parser.parse(name: condition.name, value: condition.value)))
    }
    program = bound.isEmpty ? nil : Program(condition: .and(bound), over: view.rowLayout)
    faultSlots = view.rowLayout.slots
  }

  package func matches(_ row: RowRef?) -> Bool {
    guard let row, row.fault == nil, !hasFault(row) else { return false }
    guard let program else { return true }
    if case .keep = program.run(row) { return true }
    return false
  }

  private func hasFault(_ row: RowRef) -> Bool {
    for slot in faultSlots {
      if case .fault = row.datum(slot) { return true }
    }
    return false
  }
}

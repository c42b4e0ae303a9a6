/// Views put together from a checkpoint and the steps behind it, before anybody reads them.
///
/// Touched by one thread at a time. Nothing is seen of it until ``publish(at:)``, so that it can be given up at any time.
package final class ViewRestoration: @unchecked Sendable {
  private struct Restored {
    let view: LiveView
    let key: CanonicalKey
    let keyLayout: RowLayout
    let degradation: String?
  }

  private let store: ViewStore
  private var views: [LoggedView: Restored] = [:]
  private var order: [LoggedView] = []
  private var json: [UInt8] = []
  /// Of views whose rows may share keys.
  private var before: [LoggedView: RowsBefore] = [:]
  /// Older than the first step.
  private static let sequence: UInt64 = 0

  /// - Parameter store: nobody has written to it yet.
  package init(_ store: ViewStore) { self.store = store }

  /// The views added.
  package var loggedViews: [LoggedView] { order }

  /// Adds a view without rows.
  ///
  /// - Parameter degradation: why it was degraded, if it was; it is until it goes on.
  package func add(_ definition: Plan.View, degradation: String? = nil) -> LoggedView {
    let view = LiveView(
      definition: definition, table: store.makeTable(definition, birth: Self.sequence))
    let logged = LoggedView(view)
    if views[logged] == nil { order.append(logged) }
    views[logged] = Restored(
      view: view, key: view.makeKeyBuilder(), keyLayout: RowLayout(view.keyTypes),
      degradation: degradation)
    return logged
  }

  /// Adds a row that its view has.
  package func put(_ row: RowRef, copies: Int, in logged: LoggedView) throws(LogDamage) {
    guard let restored = views[logged] else { return }
    guard restored.view.rowLayout.fits(row), copies > 0 else {
      throw LogDamage(offset: 0, expected: "a row of \(logged.name)")
    }
    let slots = restored.view.keySlots
    put(row, copies: copies, under: restored.key.build { row.datum(slots[$0]) }, restored.view)
  }

  /// Does what a step did to the views; those that are not here are left out.
  package func apply(_ step: StepRecord) throws(LogDamage) {
    for section in step.sections {
      guard let restored = views[section.view] else { continue }
      try check(section, restored)
      if restored.view.definition.mayShareKeys {
        before[section.view, default: RowsBefore()].note(section.changes)
      }
      let table = restored.view.table
      // What goes comes first: the key of a row may be another row's afterwards.
      for change in section.changes where change.formerKey != nil || change.new == nil {
        table.edit(change.formerKey ?? change.key) { $0.remove(sequence: Self.sequence) }
      }
      for change in section.changes {
        guard let new = change.new else { continue }
        put(new, copies: change.copies, under: change.key, restored.view)
      }
    }
  }

  /// Gives a view up.
  package func remove(_ view: LoggedView) {
    views[view] = nil
    order.removeAll { $0 == view }
  }

  /// Has readers see the views, as of a position and before the first step.
  package func publish(at position: Position) {
    let restored = order.compactMap { views[$0]?.view }
    for (view, degradation) in order.compactMap({ views[$0].map { ($0.view, $0.degradation) } }) {
      view.table.prune(oldestNeeded: Self.sequence)
      view.setStatus(
        ViewStatus(
          rowCount: view.table.rowCount, faultyCount: view.table.faultyCount,
          degradation: degradation), at: Self.sequence)
    }
    store.publish(
      sequence: Self.sequence, position: position, directory: ViewDirectory(restored))
    store.rowsBefore = before
  }

  private func check(_ section: StepRecord.Section, _ restored: Restored) throws(LogDamage) {
    for change in section.changes {
      let rowsFit = change.new.map { restored.view.rowLayout.fits($0) && change.copies > 0 } ?? true
      let keysFit =
        restored.keyLayout.fits(change.key)
        && change.formerKey.map(restored.keyLayout.fits) ?? true
      guard rowsFit, keysFit else {
        throw LogDamage(offset: 0, expected: "a change of \(section.view.name)")
      }
    }
  }

  private func put(_ row: RowRef, copies: Int, under key: RowRef, _ view: LiveView) {
    json.removeAll(keepingCapacity: true)
    view.rowWriter.write(row, to: &json)
    json.withUnsafeBytes { json in
      view.table.edit(key) { slot in
        slot.put(
          row, json: json, copies: copies, fault: view.fault(of: row), sequence: Self.sequence)
      }
    }
  }
}

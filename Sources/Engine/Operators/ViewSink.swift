/// The end of a view's dataflow: turns a step's delta into row changes and writes them to the view's table.
///
/// Rows are paired by the view's identity, hidden columns included, so that an update is one change. They are stored by
/// the view's key; should two rows share a declared key, the view is degraded by name until they no longer do.
/// The first step of a dataflow, and one in which the input was emptied, replaces what the table holds and
/// reports the difference.
final class ViewSink: Operator {
  /// All rows of a key that more than one row has, with their copies.
  typealias Crowd = [[UInt8]: Int]

  let view: LiveView
  private let node: Int
  let pairing: DeltaPairing
  private let key: CanonicalKey
  private let otherKey: CanonicalKey
  /// Whether rows of one identity always have one key.
  private let keyIsIdentity: Bool

  /// The step's rows as the view shows them, where the node's rows have hidden columns.
  private let visibleRows: RowBatch?
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) private var jsonBytes: [UInt8] = []
  @exclusivity(unchecked) var crowds: [[UInt8]: Crowd] = [:]
  /// While the table's contents are replaced: the records written or found unchanged.
  @exclusivity(unchecked) var confirmed: Set<UnsafeRawPointer>? = []
  @exclusivity(unchecked) private var sequence: UInt64 = 0
  private var reported: [ViewChange] = []
  private let reportedKeys = RowBatch()

  init(view: LiveView, node: Int, layout: RowLayout, hasher: RowHasher) {
    self.view = view
    self.node = node
    let definition = view.definition
    pairing = DeltaPairing(columns: definition.identity, layout: layout, hasher: hasher)
    key = view.makeKeyBuilder()
    otherKey = view.makeKeyBuilder()
    keyIsIdentity = view.hasKey && Set(definition.identity) == Set(definition.key)
    visibleRows = layout.slots.count == view.rowLayout.slots.count ? nil : RowBatch()
    super.init(layout: layout)
  }

  override func absorb(_ batch: RowBatch, port: Int) {
    pairing.rows.append(contentsOf: batch)
  }

  override func clear(port: Int) {
    pairing.removeAll()
    crowds = [:]
    confirmed = []
  }

  /// Writes the step's changes as of `sequence`.
  ///
  /// - Parameter isListenedTo: whether to return them.
  /// - Returns: the changes in the order of their keys. They point into memory of this sink and its table, until ``endStep()``.
  func apply(sequence: UInt64, isListenedTo: Bool) throws(DataflowFault) -> [ViewChange] {
    guard !pairing.rows.isEmpty || confirmed != nil else { return [] }
    self.sequence = sequence
    let keysSpeak = view.hasKey && crowds.isEmpty && confirmed == nil
    pairing.pair()
    showRows()
    for delta in pairing.deltas where delta.old >= 0 && !keepsKey(delta) {
      try remove(row(delta.old), copies: delta.copies)
    }
    for delta in pairing.deltas where delta.new >= 0 {
      if keepsKey(delta) {
        try replace(row(delta.old), by: row(delta.new))
      } else if confirmed == nil {
        add(row(delta.new), copies: delta.copies)
      } else {
        addReplacing(row(delta.new), copies: delta.copies)
      }
    }
    let gone = confirmed == nil ? [] : finishReplacing()
    if isListenedTo {
      if keysSpeak, crowds.isEmpty { report(pairing.deltas) } else { reportKeys(gone) }
    }
    view.setStatus(status, at: sequence)
    return reported.sorted { $0.key.bytes.compareBytes(with: $1.key.bytes) < 0 }
  }

  /// Forgets the step.
  func endStep() {
    pairing.removeAll()
    visibleRows?.removeAll()
    reportedKeys.removeAll()
    reported.removeAll(keepingCapacity: reported.count < 65_536)
  }

  // MARK: Passing steps that the table knows

  /// While steps are passed: all rows of each key that they touched.
  @exclusivity(unchecked) private var passed: [[UInt8]: Crowd] = [:]
  /// What the table has already and the sink has not.
  private var before: RowsBefore?

  /// - Parameter before: what the table showed where the sink's state is from; nil if it is not known, or has not changed.
  func beginPassing(_ before: RowsBefore?) { self.before = before }

  /// Takes note of a step whose changes the table has already. What is shown is known from there; which rows share a key is not.
  func pass() throws(DataflowFault) {
    if view.definition.mayShareKeys, !pairing.rows.isEmpty || confirmed != nil {
      // A table that was emptied, and one of which nobody knows what it showed, are for a snapshot.
      guard confirmed == nil, before != nil else { throw .passedSharedKeys(node: node) }
      pairing.pair()
      showRows()
      for delta in pairing.deltas {
        if delta.old >= 0 { try pass(row(delta.old), copies: -delta.copies) }
        if delta.new >= 0 { try pass(row(delta.new), copies: delta.copies) }
      }
    }
    confirmed = nil
    endStep()
  }

  private func pass(_ row: RowRef, copies: Int) throws(DataflowFault) {
    let key = Array(key(of: row).bytes)
    var crowd = passed[key] ?? crowds[key] ?? crowdBefore(key)
    let left = crowd[Array(row.bytes), default: 0] + copies
    // A row that goes may do so before the one that it makes room for.
    crowd[Array(row.bytes)] = left == 0 ? nil : left
    passed[key] = crowd
  }

  private func crowdBefore(_ key: [UInt8]) -> Crowd {
    if let known = before?.row(under: key) { return known.map { [$0: 1] } ?? [:] }
    return shown(key).map { [$0: 1] } ?? [:]
  }

  private func shown(_ key: [UInt8]) -> [UInt8]? {
    key.withUnsafeBytes { bytes -> [UInt8]? in
      guard let base = bytes.baseAddress else { return nil }
      let newest = view.table.findNewest(RowRef(base: base, count: bytes.count))
      return newest.map { Array($0.row.bytes) }
    }
  }

  /// Looks whether the rows that keys share lead to what the table shows.
  func endPassing() throws(DataflowFault) {
    for (key, crowd) in passed {
      let total = crowd.values.reduce(0, +)
      let least = crowd.keys.min { $0.lexicographicallyPrecedes($1) }
      guard crowd.values.allSatisfy({ $0 > 0 }), shown(key) == least else {
        throw .passedSharedKeys(node: node)
      }
      crowds[key] = total > 1 ? crowd : nil
    }
    passed = [:]
    before = nil
  }

  // MARK: Rows of the step

  private func showRows() {
    guard let visibleRows else { return }
    let shown = view.rowLayout.slots
    for index in 0..<pairing.rows.count {
      let row = pairing.rows.row(index)
      visibleRows.beginRow(view.rowLayout)
      for column in shown.indices {
        visibleRows.set(shown[column], row.datum(layout.slots[column]))
      }
      if let fault = row.fault { visibleRows.setFault(fault) }
      visibleRows.endRow(weight: 1)
    }
  }

  private func row(_ index: Int) -> RowRef { (visibleRows ?? pairing.rows).row(index) }

  /// The key of a row as the view shows it; valid until the next call.
  private func key(of row: RowRef) -> RowRef { key.build { row.datum(view.keySlots[$0]) } }

  private func keepsKey(_ delta: DeltaPairing.Delta) -> Bool {
    guard delta.old >= 0, delta.new >= 0 else { return false }
    if keyIsIdentity { return true }
    let old = row(delta.old)
    return key(of: row(delta.new)) == otherKey.build { old.datum(view.keySlots[$0]) }
  }

  private func movesKey(_ delta: DeltaPairing.Delta) -> Bool {
    delta.old >= 0 && delta.new >= 0 && !keepsKey(delta)
  }

  /// Reports the deltas as they are, where each key has one row at most.
  private func report(_ deltas: [DeltaPairing.Delta]) {
    for delta in deltas {
      reportedKeys.append(key(of: row(delta.new >= 0 ? delta.new : delta.old)), weight: 0)
      if movesKey(delta) { reportedKeys.append(key(of: row(delta.old)), weight: 0) }
    }
    var keys = 0
    for delta in deltas {
      let key = reportedKeys.row(keys)
      let formerKey = movesKey(delta) ? reportedKeys.row(keys + 1) : nil
      keys += formerKey == nil ? 1 : 2
      reported.append(
        ViewChange(
          view: view, key: key, formerKey: formerKey, old: delta.old >= 0 ? row(delta.old) : nil,
          new: delta.new >= 0 ? row(delta.new) : nil, copies: delta.new >= 0 ? delta.copies : 0))
    }
  }

  /// A key's rows before and after the step; both lie in the table until the step is over.
  private struct KeyState {
    let id: UnsafeRawPointer
    let key: RowRef
    let old: RowVersion?
    let new: RowVersion?

    var isChanged: Bool {
      guard let old, let new else { return old != nil || new != nil }
      return old.copies != new.copies || !(old.row == new.row)
    }
  }

  /// Reports what became of each key, where several rows may share one: a row that comes or goes need not be the first
  /// or last of its key.
  private func reportKeys(_ gone: [RowRef]) {
    var told: Set<UnsafeRawPointer> = []
    for delta in pairing.deltas {
      let old = delta.old >= 0 ? state(of: key(of: row(delta.old))) : nil
      let new = delta.new >= 0 ? state(of: key(of: row(delta.new))) : nil
      if let old, let new, old.id != new.id, old.new == nil, new.old == nil,
        !told.contains(old.id), !told.contains(new.id)
      {
        told.formUnion([old.id, new.id])
        report(new.key, formerKey: old.key, old.old, new.new)
      } else {
        for state in [old, new].compactMap({ $0 }) where told.insert(state.id).inserted {
          if state.isChanged { report(state.key, state.old, state.new) }
        }
      }
    }
    for key in gone { if let state = state(of: key) { report(state.key, state.old, state.new) } }
  }

  private func report(
    _ key: RowRef, formerKey: RowRef? = nil, _ old: RowVersion?, _ new: RowVersion?
  ) {
    reported.append(
      ViewChange(
        view: view, key: key, formerKey: formerKey, old: old?.row, new: new?.row,
        copies: new?.copies ?? 0))
  }

  private func state(of key: RowRef) -> KeyState? {
    var state: KeyState?
    view.table.edit(key) { slot in
      guard let newest = slot.newest else { return }
      var before: RowVersion? = newest
      while let version = before, version.sequence >= sequence { before = version.older }
      state = KeyState(
        id: slot.id, key: slot.key, old: before.flatMap { $0.copies > 0 ? $0 : nil },
        new: newest.copies > 0 ? newest : nil)
    }
    return state
  }

  // MARK: Writing rows

  private func replace(_ old: RowRef, by new: RowRef) throws(DataflowFault) {
    let key = key(of: new)
    var isDone = false
    if crowds.isEmpty {
      view.table.edit(key) { slot in
        guard let current = slot.newest, current.copies == 1, current.row == old else { return }
        put(new, copies: 1, in: slot)
        isDone = true
      }
    }
    guard !isDone else { return }
    try remove(old, copies: 1)
    add(new, copies: 1)
  }

  private func remove(_ row: RowRef, copies: Int) throws(DataflowFault) {
    let key = key(of: row)
    if !crowds.isEmpty, var crowd = crowds[Array(key.bytes)] {
      let left = crowd[Array(row.bytes), default: 0] - copies
      guard left >= 0 else { throw .retractedUnknownRow(node: node) }
      crowd[Array(row.bytes)] = left == 0 ? nil : left
      return settle(key, crowd)
    }
    var isKnown = false
    view.table.edit(key) { slot in
      guard let current = slot.newest, current.copies >= copies, current.row == row else { return }
      put(row, copies: current.copies - copies, in: slot)
      isKnown = true
    }
    guard isKnown else { throw .retractedUnknownRow(node: node) }
  }

  private func add(_ row: RowRef, copies: Int) {
    let key = key(of: row)
    if !crowds.isEmpty, var crowd = crowds[Array(key.bytes)] {
      crowd[Array(row.bytes), default: 0] += copies
      return settle(key, crowd)
    }
    var crowd: Crowd?
    view.table.edit(key) { slot in
      let present = slot.newest?.copies ?? 0
      let isSame = slot.newest.map { $0.row == row } ?? false
      if view.hasKey ? present == 0 && copies == 1 : present == 0 || isSame {
        put(row, copies: present + copies, in: slot)
      } else {
        crowd = [Array(row.bytes): copies]
        if let current = slot.newest, present > 0 {
          crowd?[Array(current.row.bytes), default: 0] += present
        }
      }
    }
    if let crowd { settle(key, crowd) }
  }

  /// Shows one of the rows that share a key, or the last one left.
  private func settle(_ key: RowRef, _ crowd: Crowd) {
    let total = crowd.values.reduce(0, +)
    let isCrowded = crowd.count > 1 || (view.hasKey && total > 1)
    crowds[Array(key.bytes)] = isCrowded ? crowd : nil
    let least = crowd.keys.min { $0.lexicographicallyPrecedes($1) } ?? []
    least.withUnsafeBytes { bytes in
      view.table.edit(key) { slot in
        let row = bytes.baseAddress.map { RowRef(base: $0, count: bytes.count) }
        put(row ?? key, copies: view.hasKey ? min(1, total) : total, in: slot)
      }
    }
  }

  private func put(_ row: RowRef, copies: Int, in slot: ViewTable.Slot) {
    guard copies > 0 else { return slot.remove(sequence: sequence) }
    jsonBytes.removeAll(keepingCapacity: true)
    view.rowWriter.write(row, to: &jsonBytes)
    jsonBytes.withUnsafeBytes {
      slot.put(row, json: $0, copies: copies, fault: view.fault(of: row), sequence: sequence)
    }
  }

  var status: ViewStatus {
    ViewStatus(
      rowCount: view.table.rowCount, faultyCount: view.table.faultyCount, degradation: degradation)
  }

  private var degradation: String? {
    guard view.hasKey, let crowded = crowds.first else { return nil }
    let rows = crowded.value.values.reduce(0, +)
    return "\(crowds.count) keys are shared, one of them by \(rows) rows"
  }

  // MARK: Replacing what an earlier dataflow left

  private func addReplacing(_ row: RowRef, copies: Int) {
    let key = key(of: row)
    var isDone = false
    view.table.edit(key) { slot in
      guard let current = slot.newest, current.copies > 0, current.sequence != sequence,
        !(confirmed?.contains(slot.id) ?? false)
      else { return }
      if current.row == row, current.copies == copies {
        confirmed?.insert(slot.id)
        isDone = true
      } else if !view.hasKey || copies == 1 {
        put(row, copies: copies, in: slot)
        isDone = true
      } else {
        slot.remove(sequence: sequence)
      }
    }
    if !isDone { add(row, copies: copies) }
  }

  /// Takes away what neither came again nor stayed as it was, and returns its keys.
  private func finishReplacing() -> [RowRef] {
    var gone: [RowRef] = []
    view.table.forEachNewest { slot, version in
      if version.sequence != sequence, !(confirmed?.contains(slot.id) ?? false) {
        gone.append(slot.key)
      }
    }
    for key in gone { view.table.edit(key) { $0.remove(sequence: sequence) } }
    confirmed = nil
    return gone
  }
}

/// The end of a view's dataflow: turns a step's delta into row changes and writes them to the view's table.
///
/// Rows are paired by the view's identity, hidden columns included, so that an update is one change. They are stored by
/// the view's key; should two rows share a declared key, the view is degraded by name until they no longer do.
/// The first step of a dataflow, and one in which the input was emptied, replaces what the table holds and
/// reports the difference.
final class ViewSink: Operator {
  /// A row that went, one that came, or both as one change; indexes into ``rows`` and ``keys``.
  private struct Delta {
    var old: Int?
    var new: Int?
    var copies: Int
  }

  /// All rows of a key that more than one row has, with their copies.
  private typealias Crowd = [[UInt8]: Int]

  let view: LiveView
  private let node: Int
  private let hasher: RowHasher
  private let weights: StepWeights
  private let identitySlots: [ColumnSlot]
  private let identity: CanonicalKey
  private let key: CanonicalKey
  private let keySlots: [ColumnSlot]
  private let json: RowJSONWriter

  private var hasPending = false
  private var deltas: [Delta] = []
  /// Rows of the step as the view shows them, and their keys.
  private let rows = RowBatch()
  private let keys = RowBatch()
  private var reported: [ViewChange] = []
  private var jsonBytes: [UInt8] = []
  private var crowds: [[UInt8]: Crowd] = [:]
  /// While the table's contents are replaced: the records written or found unchanged.
  private var confirmed: Set<UnsafeRawPointer>? = []
  private var sequence: UInt64 = 0

  init(view: LiveView, node: Int, layout: RowLayout, hasher: RowHasher) {
    self.view = view
    self.node = node
    self.hasher = hasher
    weights = StepWeights(hasher: hasher)
    identitySlots = view.definition.identity.map { layout.slots[$0] }
    identity = CanonicalKey(view.definition.identity.map { layout.types[$0] })
    key = CanonicalKey(view.keyTypes)
    keySlots = view.keySlots
    json = RowJSONWriter(columns: view.definition.columns)
    super.init(layout: layout)
  }

  override func absorb(_ batch: RowBatch, port: Int) {
    hasPending = true
    weights.add(batch)
  }

  override func clear(port: Int) {
    weights.removeAll()
    crowds = [:]
    confirmed = []
  }

  /// Writes the step's changes as of `sequence`.
  ///
  /// - Returns: the changes in the order of their keys. They point into memory of this sink and its table, until ``endStep()``.
  func apply(sequence: UInt64) throws(DataflowFault) -> [ViewChange] {
    guard hasPending || confirmed != nil else { return [] }
    self.sequence = sequence
    collectDeltas()
    for delta in deltas where !keepsKey(delta) {
      if let old = delta.old { try remove(old, copies: delta.copies) }
    }
    for delta in deltas {
      if keepsKey(delta), let old = delta.old, let new = delta.new {
        try replace(old, by: new)
      } else if let new = delta.new {
        add(new, copies: delta.copies)
      }
      if confirmed == nil { report(delta) }
    }
    if confirmed != nil { finishReplacing() }
    updateDegradation()
    return reported.sorted { $0.key.bytes.compareBytes(with: $1.key.bytes) < 0 }
  }

  /// Forgets the step.
  func endStep() {
    guard hasPending else { return }
    weights.removeAll()
    deltas.removeAll(keepingCapacity: deltas.count < 65_536)
    reported.removeAll(keepingCapacity: reported.count < 65_536)
    rows.removeAll()
    keys.removeAll()
    hasPending = false
  }

  // MARK: From weights to changes

  private func collectDeltas() {
    var waiting = RowTable(payloadBytes: 8)
    weights.forEachRow { row, weight in
      let index = keep(row)
      guard abs(weight) == 1, confirmed == nil else {
        deltas.append(
          Delta(
            old: weight < 0 ? index : nil, new: weight < 0 ? nil : index, copies: abs(weight)))
        return
      }
      let identity = identity.build { row.datum(identitySlots[$0]) }
      var isFirst = false
      let record = waiting.findOrInsert(
        identity, hash: hasher.hash(identity), inserted: &isFirst)
      let partner = record.payload.load(as: Int.self)
      if !isFirst, weight < 0, deltas[partner].old == nil {
        deltas[partner].old = index
      } else if !isFirst, weight > 0, deltas[partner].new == nil {
        deltas[partner].new = index
      } else {
        record.payload.storeBytes(of: deltas.count, as: Int.self)
        deltas.append(
          Delta(old: weight < 0 ? index : nil, new: weight < 0 ? nil : index, copies: 1))
      }
    }
  }

  /// Keeps the row as the view shows it, without hidden columns, and its key; both under one index.
  private func keep(_ row: RowRef) -> Int {
    let shown = view.rowLayout.slots
    if shown.count == layout.slots.count {
      rows.append(row, weight: 1)
    } else {
      rows.beginRow(view.rowLayout)
      for index in shown.indices { rows.set(shown[index], row.datum(layout.slots[index])) }
      if let fault = row.fault { rows.setFault(fault) }
      rows.endRow(weight: 1)
    }
    let index = rows.count - 1
    let visible = rows.row(index)
    keys.append(key.build { visible.datum(keySlots[$0]) }, weight: 1)
    return index
  }

  private func keepsKey(_ delta: Delta) -> Bool {
    guard let old = delta.old, let new = delta.new else { return false }
    return keys.row(old) == keys.row(new)
  }

  private func report(_ delta: Delta) {
    guard let index = delta.new ?? delta.old else { return }
    reported.append(
      ViewChange(
        view: view, key: keys.row(index), old: delta.old.map(rows.row),
        new: delta.new.map(rows.row),
        copies: delta.new == nil ? 0 : delta.copies))
  }

  // MARK: Writing rows

  private func replace(_ old: Int, by new: Int) throws(DataflowFault) {
    let key = keys.row(new)
    if crowds.isEmpty, let current = table.newest(key), current.copies == 1,
      current.row == rows.row(old)
    {
      put(key, rows.row(new), copies: 1)
    } else {
      try remove(old, copies: 1)
      add(new, copies: 1)
    }
  }

  private func remove(_ index: Int, copies: Int) throws(DataflowFault) {
    let key = keys.row(index)
    let row = rows.row(index)
    if var crowd = crowds.isEmpty ? nil : crowds[Array(key.bytes)] {
      let left = crowd[Array(row.bytes), default: 0] - copies
      guard left >= 0 else { throw .retractedUnknownRow(node: node) }
      crowd[Array(row.bytes)] = left == 0 ? nil : left
      return settle(key, crowd)
    }
    guard let current = table.newest(key), current.copies >= copies, current.row == row else {
      throw .retractedUnknownRow(node: node)
    }
    put(key, row, copies: current.copies - copies)
  }

  private func add(_ index: Int, copies: Int) {
    let key = keys.row(index)
    let row = rows.row(index)
    if confirmed != nil, addReplacing(key, row, copies) { return }
    if var crowd = crowds.isEmpty ? nil : crowds[Array(key.bytes)] {
      crowd[Array(row.bytes), default: 0] += copies
      return settle(key, crowd)
    }
    guard let current = table.newest(key), current.copies > 0 else {
      guard copies > 1, view.hasKey else { return put(key, row, copies: copies) }
      return settle(key, [Array(row.bytes): copies])
    }
    if current.row == row, !view.hasKey {
      put(key, row, copies: current.copies + copies)
    } else {
      var crowd = [Array(current.row.bytes): current.copies]
      crowd[Array(row.bytes), default: 0] += copies
      settle(key, crowd)
    }
  }

  /// Writes the row over what an earlier dataflow left; false if this one has written the key already.
  private func addReplacing(_ key: RowRef, _ row: RowRef, _ copies: Int) -> Bool {
    guard let current = table.newest(key), current.sequence != sequence else {
      if table.newest(key) == nil {
        reported.append(ViewChange(view: view, key: key, old: nil, new: row, copies: copies))
      }
      return false
    }
    if let record = table.record(key), confirmed?.contains(record) ?? false { return false }
    if current.copies == copies, current.row == row {
      if let record = table.record(key) { confirmed?.insert(record) }
    } else {
      let old = current.copies > 0 ? current.row : nil
      put(key, row, copies: copies)
      reported.append(ViewChange(view: view, key: key, old: old, new: row, copies: copies))
    }
    return true
  }

  private func finishReplacing() {
    var gone: [(RowRef, RowVersion)] = []
    table.forEachNewest { record, key, version in
      if version.sequence != sequence, !(confirmed?.contains(record) ?? false) {
        gone.append((key, version))
      }
    }
    for (key, version) in gone {
      put(key, version.row, copies: 0)
      reported.append(ViewChange(view: view, key: key, old: version.row, new: nil, copies: 0))
    }
    confirmed = nil
    hasPending = true
  }

  /// Shows one of the rows that share a key, or the last one left.
  private func settle(_ key: RowRef, _ crowd: Crowd) {
    let total = crowd.values.reduce(0, +)
    let least = crowd.keys.min { $0.lexicographicallyPrecedes($1) }
    let isCrowded = crowd.count > 1 || (view.hasKey && total > 1)
    crowds[Array(key.bytes)] = isCrowded ? crowd : nil
    guard let least else { return put(key, key, copies: 0) }
    least.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      put(key, RowRef(base: base, count: bytes.count), copies: view.hasKey ? 1 : total)
    }
  }

  private func put(_ key: RowRef, _ row: RowRef, copies: Int) {
    jsonBytes.removeAll(keepingCapacity: true)
    guard copies > 0 else {
      let none = UnsafeRawBufferPointer(start: nil, count: 0)
      table.put(key, row: none, json: none, copies: 0, fault: nil, sequence: sequence)
      return
    }
    json.write(row, to: &jsonBytes)
    let fault = fault(of: row)
    jsonBytes.withUnsafeBytes {
      table.put(key, row: row.bytes, json: $0, copies: copies, fault: fault, sequence: sequence)
    }
  }

  private var table: ViewTable { view.table }

  /// The fault of the row or of its first column that has one.
  private func fault(of row: RowRef) -> ValueFault? {
    if let fault = row.fault { return fault }
    for slot in view.rowLayout.slots {
      if case .fault(let fault) = row.datum(slot) { return fault }
    }
    return nil
  }

  private func updateDegradation() {
    guard view.hasKey, let crowded = crowds.first else { return view.setDegradation(nil) }
    let rows = crowded.value.values.reduce(0, +)
    view.setDegradation("\(crowds.count) keys are shared, one of them by \(rows) rows")
  }
}

/// A left or full join of two inputs on equalities, with other conditions of `ON` as a residual.
///
/// Each input keeps its rows by join key. A row of an input that is preserved counts the rows that it matches; while it
/// counts none, it goes on once with NULLs for the other input. Within a step the left changes meet the old rows
/// at the right, then the right changes meet the new rows at the left, so that each pair counts once; what
/// becomes of the rows without a match is decided at the end of the step.
final class OuterJoinOperator: Operator {
  /// A row as it was when the step first touched it.
  struct Touched {
    let record: RowTable.Record
    let weight: Int
    let matches: Int
  }

  /// What a preserved row's record has beside its weight.
  enum Extra {
    static let matches = 0
    static let isTouched = 8
    static let bytes = 16
  }

  final class Input {
    var arrangement: JoinArrangement
    let pending = RowBatch()
    /// Whether rows without a match stay.
    let isPreserved: Bool
    /// The join key's columns, and the key as the other input is asked for it.
    let keySlots: [ColumnSlot]
    let key: CanonicalKey
    /// Stands in for a row of this input where there is none.
    let missing: RowBatch
    var touched: [Touched] = []

    init(_ layout: RowLayout, keyedBy columns: [Int], isPreserved: Bool, hasher: RowHasher) {
      arrangement = JoinArrangement(
        layout: layout, indexedBy: [columns], extraBytes: isPreserved ? Extra.bytes : 0,
        hasher: hasher)
      self.isPreserved = isPreserved
      keySlots = columns.map { layout.slots[$0] }
      key = CanonicalKey(columns.map { layout.types[$0] })
      missing = Self.row(of: .null, layout)
    }

    /// A row with the same in all its columns.
    static func row(of datum: Datum, _ layout: RowLayout) -> RowBatch {
      let batch = RowBatch()
      batch.beginRow(layout)
      for slot in layout.slots { batch.set(slot, datum) }
      batch.endRow(weight: 1)
      return batch
    }

    func matches(_ record: RowTable.Record) -> Int {
      record.payload.load(fromByteOffset: arrangement.extraOffset + Extra.matches, as: Int.self)
    }

    /// Counts `count` more rows that the one of `record` matches.
    func match(_ record: RowTable.Record, _ count: Int) {
      guard isPreserved else { return }
      touch(record)
      let place = arrangement.extraOffset + Extra.matches
      let total = record.payload.load(fromByteOffset: place, as: Int.self) + count
      record.payload.storeBytes(of: total, toByteOffset: place, as: Int.self)
    }

    func touch(_ record: RowTable.Record) {
      let place = arrangement.extraOffset + Extra.isTouched
      guard record.payload.load(fromByteOffset: place, as: Int.self) == 0 else { return }
      record.payload.storeBytes(of: 1, toByteOffset: place, as: Int.self)
      touched.append(
        Touched(record: record, weight: record.rowWeight, matches: matches(record)))
    }

    func untouch(_ record: RowTable.Record) {
      record.payload.storeBytes(
        of: 0, toByteOffset: arrangement.extraOffset + Extra.isTouched, as: Int.self)
    }
  }

  private let node: Int
  let inputs: [Input]
  private let layouts: [RowLayout]
  private let matching: Program
  /// The outputs without the conditions of the match.
  private let unmatched: Program
  private let bound: UnsafeMutablePointer<UnsafeRawPointer>

  init(
    left: RowLayout, right: RowLayout, kind: Plan.OuterJoinKind, equalities: [Plan.JoinEquality],
    residual: Expression?, outputs: [Expression], node: Int, hasher: RowHasher
  ) {
    self.node = node
    let sides = equalities.map { $0.left.input == 0 ? ($0.left, $0.right) : ($0.right, $0.left) }
    inputs = [
      Input(left, keyedBy: sides.map(\.0.index), isPreserved: true, hasher: hasher),
      Input(right, keyedBy: sides.map(\.1.index), isPreserved: kind == .full, hasher: hasher),
    ]
    layouts = [left, right]
    matching = Program(filter: residual, outputs: outputs, layouts: layouts)
    unmatched = Program(filter: nil, outputs: outputs, layouts: layouts)
    bound = .allocate(capacity: 2)
    super.init(layout: RowLayout(outputs.map(\.type)))
  }

  deinit { bound.deallocate() }

  override func absorb(_ batch: RowBatch, port: Int) {
    inputs[port].pending.append(contentsOf: batch)
  }

  override func clear(port: Int) {
    let pending = inputs[port].pending
    pending.removeAll()
    inputs[port].arrangement.forEachRow { row, weight in pending.append(row, weight: -weight) }
  }

  override func flush() throws(DataflowFault) {
    for number in inputs.indices {
      let pending = inputs[number].pending
      for entry in pending.entries { change(pending.row(entry), weight: entry.weight, number) }
      pending.removeAll()
    }
    for number in inputs.indices { try settle(number) }
    emit()
  }

  // MARK: Matches

  private func change(_ row: RowRef, weight: Int, _ number: Int) {
    let input = inputs[number]
    if let fault = keyFault(row, input) {
      // Nobody knows what the row matches: it goes on by itself, so that its failure shows.
      let unknown = Input.row(of: .fault(fault), layouts[1 - number])
      handOn(row, number, beside: unknown, weight: weight, fault: fault)
      return input.arrangement.add(row, weight: weight)
    }
    guard input.isPreserved else {
      forEachMatch(of: row, number, weight: weight) { _ in }
      return input.arrangement.add(row, weight: weight)
    }
    var isNew = false
    let record = input.arrangement.hold(row, inserted: &isNew)
    input.touch(record)
    forEachMatch(of: row, number, weight: weight) { count in
      if isNew { input.match(record, count) }
    }
    record.rowWeight += weight
  }

  private func keyFault(_ row: RowRef, _ input: Input) -> ValueFault? {
    for slot in input.keySlots {
      if case .fault(let fault) = row.datum(slot) { return fault }
    }
    return nil
  }

  /// Hands on the pairs of a row that changed, tells its partners, and calls `body` with each partner's weight.
  private func forEachMatch(
    of row: RowRef, _ number: Int, weight: Int, _ body: (Int) -> Void
  ) {
    let input = inputs[number]
    let other = inputs[1 - number]
    var hasNull = false
    let key = input.key.build { position in
      let datum = row.datum(input.keySlots[position])
      if datum.isNull { hasNull = true }
      return datum
    }
    guard !hasNull else { return }
    other.arrangement.forEachRecord(in: 0, matching: key) { partner in
      bound[number] = row.base
      bound[1 - number] = partner.key.base
      var fault = row.fault ?? partner.key.fault
      switch matching.run(UnsafePointer(bound)) {
      case .drop: return
      case .keep: break
      case .unknown(let failure): fault = fault ?? failure
      }
      handOn(matching, weight: weight * partner.rowWeight, fault: fault)
      body(partner.rowWeight)
      other.match(partner, weight)
    }
  }

  // MARK: Rows without a match

  /// Hands on what the step changed of rows without a match.
  private func settle(_ number: Int) throws(DataflowFault) {
    let input = inputs[number]
    for touched in input.touched {
      let record = touched.record
      let matches = input.matches(record)
      guard record.rowWeight >= 0, matches >= 0 else { throw .retractedUnknownRow(node: node) }
      let before = touched.matches == 0 ? touched.weight : 0
      let after = matches == 0 ? record.rowWeight : 0
      handOn(
        record.key, number, beside: inputs[1 - number].missing, weight: after - before,
        fault: record.key.fault)
      input.untouch(record)
      if record.rowWeight == 0 { input.arrangement.drop(record) }
    }
    input.touched.removeAll(keepingCapacity: input.touched.count <= 65_536)
  }

  private func handOn(
    _ row: RowRef, _ number: Int, beside other: RowBatch, weight: Int, fault: ValueFault?
  ) {
    guard weight != 0 else { return }
    bound[number] = row.base
    bound[1 - number] = other.row(0).base
    _ = unmatched.run(UnsafePointer(bound))
    handOn(unmatched, weight: weight, fault: fault)
  }

  private func handOn(_ program: Program, weight: Int, fault: ValueFault?) {
    guard weight != 0 else { return }
    output.beginRow(layout)
    for index in layout.slots.indices { output.set(layout.slots[index], program.output(index)) }
    if let fault { output.setFault(fault) }
    output.endRow(weight: weight)
    emitIfFull()
  }
}

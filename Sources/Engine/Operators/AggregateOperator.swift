/// `GROUP BY keys`: one row per group, of its keys and aggregates.
///
/// A group's record holds the weight of its rows and the accumulators. The first change of a group in a step
/// notes the row it showed before; the flush hands on the difference. Without keys there is always one row.
final class AggregateOperator: Operator {
  /// What failed among a group's rows; kept aside, since it hardly ever happens.
  struct GroupFaults {
    /// Weight of the rows of which a key's filter is unknown.
    var rows = 0
    /// Weight of the rows of which an argument failed.
    var arguments = 0
    var fault: ValueFault
  }

  struct Touched {
    let record: RowTable.Record
    /// The row shown before, as index into ``before``; negative if none was.
    let before: Int
  }

  private let node: Int
  let hasher: RowHasher
  private let program: Program
  let keyCount: Int
  let key: CanonicalKey
  /// Used where the keys' types are not canonical.
  @exclusivity(unchecked) var spellings: GroupSpellings
  let accumulators: [Accumulator]
  /// For each aggregate the outputs of the program: argument and filter, negative if it has none.
  private let argumentOutputs: [Int]
  private let filterOutputs: [Int]

  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) var groups: RowTable
  @exclusivity(unchecked) var faults: [UnsafeMutableRawPointer: GroupFaults] = [:]
  @exclusivity(unchecked) private(set) var touched: [Touched] = []
  private let before = RowBatch()
  var hasStarted = false

  /// A group's payload: weight, whether it is touched, how its keys are spelled, the accumulators.
  private enum Payload {
    static let isTouched = 8
    static let spelling = 16
    static let accumulators = 24
  }

  init(
    filter: Expression?, keys: [Expression], aggregates: [Plan.Aggregate], input: RowLayout,
    node: Int, hasher: RowHasher
  ) {
    self.node = node
    self.hasher = hasher
    keyCount = keys.count
    key = CanonicalKey(keys.map(\.type))
    spellings = GroupSpellings(keys.map(\.type), offset: Payload.spelling)
    var outputs = keys
    func add(_ expression: Expression?) -> Int {
      guard let expression else { return -1 }
      outputs.append(expression)
      return outputs.count - 1
    }
    argumentOutputs = aggregates.map { add($0.argument) }
    filterOutputs = aggregates.map { add($0.filter) }
    var offset = Payload.accumulators
    accumulators = aggregates.map { aggregate in
      defer { offset += Accumulator.bytes(aggregate.function) }
      return Accumulator(
        function: aggregate.function, argumentType: aggregate.argument?.type ?? .int8,
        offset: offset)
    }
    groups = RowTable(payloadBytes: offset)
    program = Program(filter: filter, outputs: outputs, layouts: [input])
    super.init(layout: RowLayout(keys.map(\.type) + aggregates.map(\.type)))
  }

  deinit { groups.forEachRecord { release($0) } }

  override func absorb(_ batch: RowBatch, port: Int) {
    for entry in batch.entries {
      let row = batch.row(entry)
      switch program.run(row) {
      case .drop: continue
      case .keep: add(entry.weight, fault: row.fault)
      case .unknown(let fault): add(entry.weight, fault: fault)
      }
    }
  }

  override func clear(port: Int) {
    var cleared: [RowTable.Record] = []
    groups.forEachRecord { cleared.append($0) }
    for record in cleared {
      touch(record, isNew: false)
      record.payload.storeBytes(of: 0, as: Int.self)
      for accumulator in accumulators { accumulator.release(record.payload) }
      faults[record.base] = nil
      spellings.clear(record)
    }
  }

  override func flush() throws(DataflowFault) {
    if keyCount == 0, !hasStarted { startGlobalGroup() }
    for touch in touched {
      let record = touch.record
      record.payload.storeBytes(of: 0, toByteOffset: Payload.isTouched, as: Int.self)
      let weight = record.payload.load(as: Int.self)
      guard weight >= 0 else { throw .retractedUnknownRow(node: node) }
      spellings.settle(record)
      handOn(touch)
      emitIfFull()
      if weight == 0, keyCount > 0, faults[record.base] == nil { drop(record) }
    }
    touched.removeAll(keepingCapacity: touched.count <= 65_536)
    before.removeAll()
    emit()
  }

  // MARK: Groups

  @inline(__always)
  private func add(_ weight: Int, fault: ValueFault?) {
    let record = group(weight)
    let payload = record.payload
    if let fault {
      note(fault, record) { $0.rows += weight }
      return
    }
    payload.storeBytes(of: payload.load(as: Int.self) &+ weight, as: Int.self)
    for index in accumulators.indices {
      switch filterOutputs[index] >= 0 ? program.output(filterOutputs[index]) : .bool(true) {
      case .word(1): break
      case .fault(let fault):
        note(fault, record) { $0.arguments += weight }
        continue
      case .word, .null, .bytes: continue
      }
      let argument = argumentOutputs[index]
      guard argument >= 0 else {
        accumulators[index].add(.null, weight: weight, to: payload)
        continue
      }
      switch program.output(argument) {
      case .null: continue
      case .fault(let fault): note(fault, record) { $0.arguments += weight }
      case .word, .bytes:
        accumulators[index].add(program.output(argument), weight: weight, to: payload)
      }
    }
  }

  @inline(__always)
  private func group(_ weight: Int) -> RowTable.Record {
    let key = key.build { program.output($0) }
    var inserted = false
    let record = groups.findOrInsert(key, hash: hasher.hash(key), inserted: &inserted)
    touch(record, isNew: inserted)
    if !self.key.isCanonical { spellings.add(record, weight: weight) { program.output($0) } }
    return record
  }

  @inline(__always)
  private func touch(_ record: RowTable.Record, isNew: Bool) {
    if record.payload.load(fromByteOffset: Payload.isTouched, as: Int.self) == 0 {
      markTouched(record, isNew)
    }
  }

  private func markTouched(_ record: RowTable.Record, _ isNew: Bool) {
    record.payload.storeBytes(of: 1, toByteOffset: Payload.isTouched, as: Int.self)
    if isNew {
      touched.append(Touched(record: record, before: -1))
    } else {
      writeRow(record, to: before, weight: -1)
      touched.append(Touched(record: record, before: before.count - 1))
    }
  }

  private func startGlobalGroup() {
    hasStarted = true
    let key = key.build { _ in .null }
    var inserted = false
    let record = groups.findOrInsert(key, hash: hasher.hash(key), inserted: &inserted)
    if inserted { markTouched(record, true) }
  }

  private func note(
    _ fault: ValueFault, _ record: RowTable.Record, _ change: (inout GroupFaults) -> Void
  ) {
    var noted = faults[record.base] ?? GroupFaults(fault: fault)
    noted.fault = fault
    change(&noted)
    faults[record.base] = noted.rows == 0 && noted.arguments == 0 ? nil : noted
  }

  private func handOn(_ touch: Touched) {
    let shows =
      keyCount == 0 || touch.record.payload.load(as: Int.self) > 0
      || faults[touch.record.base] != nil
    if shows { writeRow(touch.record, to: output, weight: 1) }
    guard touch.before >= 0 else { return }
    let old = before.row(touch.before)
    if shows, output.row(output.count - 1) == old {
      output.dropLast()
    } else {
      output.append(old, weight: -1)
    }
  }

  private func writeRow(_ record: RowTable.Record, to batch: RowBatch, weight: Int) {
    let keys = spellings.shown(record) ?? record.key
    let noted = faults.isEmpty ? nil : faults[record.base]
    batch.beginRow(layout)
    for index in 0..<keyCount { batch.set(layout.slots[index], keys.datum(keySlots[index])) }
    for (index, accumulator) in accumulators.enumerated() {
      let slot = layout.slots[keyCount + index]
      if let noted, noted.arguments != 0 {
        batch.set(slot, .fault(noted.fault))
      } else {
        accumulator.write(record.payload, to: slot, of: batch)
      }
    }
    if let noted, noted.rows != 0 { batch.setFault(noted.fault) }
    batch.endRow(weight: weight)
  }

  private lazy var keySlots = RowLayout(Array(layout.types.prefix(keyCount))).slots

  private func drop(_ record: RowTable.Record) {
    release(record)
    groups.remove(record)
  }

  private func release(_ record: RowTable.Record) {
    for accumulator in accumulators { accumulator.release(record.payload) }
    spellings.release(record)
  }
}

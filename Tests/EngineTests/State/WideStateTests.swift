import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Everything that an operator can keep, in amounts that the slow oracle could not follow: each kind is counted, so that none is left out.
@Suite struct WideStateTests {
  /// `wide(id, item, price, weight, code, name)`, by key or whole, under all aggregates, and joined with itself.
  private static func plan(_ identity: Plan.Source.Identity) -> Plan {
    var plan = Plan()
    let columns: [(String, ColumnType)] = [
      ("id", .int8), ("item", .int4), ("price", .numeric), ("weight", .float8),
      ("code", .bpchar), ("name", .text), ("day", .date), ("uid", .uuid), ("flag", .bool),
    ]
    let node = plan.add(.source(0))
    plan.sources.append(
      Plan.Source(
        relation: 1, name: QualifiedName(schema: "public", name: "wide"),
        columns: columns.enumerated().map { index, column in
          Plan.Source.Column(attribute: index + 1, name: column.0, type: column.1, typeOID: 0)
        }, identity: identity, node: node))
    let values = columns.enumerated().map { column($0, $1.1) }
    let quotient = Expression.call(.divideInt(.int4), [integer(6), values[1]], .int4)
    var aggregates: [Plan.Aggregate] = [
      Plan.Aggregate(.count, of: nil, type: .int8),
      Plan.Aggregate(.sumInt, of: values[1], type: .int8),
      Plan.Aggregate(.sumIntAsNumeric, of: values[0], type: .numeric),
      Plan.Aggregate(.sumNumeric, of: values[2], type: .numeric),
    ]
    for value in values {
      for function in [Plan.Aggregate.Function.min, .max] {
        aggregates.append(Plan.Aggregate(function, of: value, type: value.type))
      }
      aggregates.append(Plan.Aggregate(.countDistinct, of: value, type: .int8))
    }
    func view(_ name: String, _ node: Int, key: [Int]) {
      let columns = plan.types(of: node).enumerated().map { index, type in
        Plan.View.Column(name: "c\(index)", type: type, typeName: "\(type)")
      }
      plan.views.append(
        Plan.View(
          name: QualifiedName(schema: "public", name: name), node: node, columns: columns,
          key: key, identity: key, definition: ""))
    }
    for (name, keys) in [
      ("total", []), ("by item", [values[1]]), ("by spellings", [values[2], values[4]]),
      ("by weight", [values[3]]),
    ] {
      let node = plan.add(
        .aggregate(input: node, filter: nil, keys: keys, aggregates: aggregates))
      view(name, node, key: Array(keys.indices))
    }
    let failing = plan.add(
      .aggregate(
        input: node, filter: compare(quotient, .less, integer(5)), keys: [values[8]],
        aggregates: [Plan.Aggregate(.sumInt, of: quotient, type: .int8)]))
    view("failing", failing, key: [0])
    let join = plan.add(
      .outerJoin(
        left: node, right: node, kind: .full,
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 2, type: .numeric),
            Expression.Column(input: 1, index: 2, type: .numeric))
        ], residual: compare(values[0], .less, column(0, .int8, of: 1)),
        outputs: [values[0], column(0, .int8, of: 1)]))
    view("pairs", join, key: [0, 1])
    return plan
  }

  /// What was seen to be kept.
  private struct Seen {
    var chunked = 0, faults = 0, otherSpellings = 0, bigSums = 0, scales = 0, specials = 0
    var sourceRows = 0, matched = 0

    mutating func look(at dataflow: Dataflow) {
      for keeper in dataflow.keepers {
        if let input = keeper as? TableInput { sourceRows += input.rows.count }
        if let join = keeper as? OuterJoinOperator {
          join.inputs[0].arrangement.rows.forEachRecord { record in
            if join.inputs[0].matches(record) > 0 { matched += 1 }
          }
        }
        guard let groups = keeper as? AggregateOperator else { continue }
        faults += groups.faults.count
        otherSpellings += groups.spellings.others.count
        groups.groups.forEachRecord { record in
          for accumulator in groups.accumulators { look(accumulator, record) }
        }
      }
    }

    private mutating func look(_ accumulator: Accumulator, _ record: RowTable.Record) {
      guard
        let pointer = (record.payload + accumulator.offset).load(as: UnsafeRawPointer?.self)
      else { return }
      switch accumulator.function {
      case .sumNumeric:
        let sum = Unmanaged<NumericSumBox>.fromOpaque(pointer).takeUnretainedValue().sum
        if case .big = sum.total { bigSums += 1 }
        for (kind, _) in sum.otherCounts {
          if case .scale = kind { scales += 1 } else { specials += 1 }
        }
      case .countDistinct:
        let counts = Unmanaged<ValueCounts>.fromOpaque(pointer).takeUnretainedValue()
        // More than one chunk can hold.
        if counts.distinctCount > 256 { chunked += 1 }
      case .count, .sumInt, .sumIntAsNumeric, .min, .max: break
      }
    }
  }

  @Test(arguments: DataflowOracleTests.identities)
  func allThatIsKeptIsRestored(_ identity: Plan.Source.Identity) throws {
    var random = SeededRandom()
    var seen = Seen()
    let plan = Self.plan(identity)
    let seed = random.next()
    let original = StateTrial(plan, seed: seed)
    var twin: StateTrial?
    var table = WideTable()
    for (step, count) in zip(1..., [400, 1, 400, 100, 400, 1, 400, 100, 400]) {
      let changes = (0..<count).map { _ in table.change(&random) }
      for change in changes {
        try change.feed(original.dataflow.inputs[0])
        if let twin { try change.feed(twin.dataflow.inputs[0]) }
      }
      try original.finishStep(step)
      try twin?.finishStep(step)
      let told = original.recorder.take()
      if let twin {
        try #require(twin.recorder.take() == told, "step \(step)")
        try #require(twin.contents() == original.contents(), "step \(step)")
      }
      seen.look(at: original.dataflow)
      let restored = try StateTrial(
        plan, seed: seed, restoring: original.state(), at: StateTrial.position(step))
      try #require(try restored.operatorState() == original.operatorState(), "step \(step)")
      twin = restored
    }
    #expect(
      seen.chunked > 0 && seen.faults > 0 && seen.otherSpellings > 0 && seen.bigSums > 0
        && seen.scales > 0 && seen.specials > 0 && seen.matched > 0, "\(seen)")
    #expect((seen.sourceRows > 0) == (identity != .full))
  }
}

/// Rows of all types, hostile numbers among them, in wire format.
struct WideTable {
  struct Change {
    var old: [[UInt8]?]?
    var new: [[UInt8]?]?

    func feed(_ input: TableInput) throws {
      var buffers: [UnsafeMutableRawBufferPointer] = []
      defer { for buffer in buffers { buffer.deallocate() } }
      func fill(_ target: UnsafeMutableBufferPointer<TableInput.WireValue>, _ row: [[UInt8]?]) {
        for (index, value) in row.enumerated() {
          guard let value else {
            target[index] = .null
            continue
          }
          let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: value.count, alignment: 1)
          buffer.copyBytes(from: value)
          buffers.append(buffer)
          target[index] = .binary(UnsafeRawBufferPointer(buffer))
        }
      }
      if let old { fill(input.old, old) }
      if let new { fill(input.new, new) }
      switch (old, new) {
      case (nil, .some): try input.insert()
      case (.some, nil): try input.delete()
      case (.some, .some): try input.update(hasOld: true)
      case (nil, nil): break
      }
    }
  }

  private(set) var rows: [[[UInt8]?]] = []
  private var lastID: Int64 = 0

  mutating func change(_ random: inout SeededRandom) -> Change {
    if rows.isEmpty || random.oneIn(2) {
      let row = newRow(&random)
      rows.append(row)
      return Change(old: nil, new: row)
    }
    let index = random.number(0...rows.count - 1)
    let old = rows[index]
    guard random.oneIn(2) else {
      rows.remove(at: index)
      return Change(old: old, new: nil)
    }
    rows[index] = newRow(&random)
    return Change(old: old, new: rows[index])
  }

  private mutating func newRow(_ random: inout SeededRandom) -> [[UInt8]?] {
    lastID += 1
    func wire(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
    let weights = [0.0, -0.0, 1.5, .nan, .infinity, -2.25, Double(random.number(0...2000))]
    let name = "n\(random.number(0...1500))" + String(repeating: "x", count: random.number(0...9))
    let row: [[UInt8]?] = [
      wire(lastID), wire(Int32(random.number(0...4))), Self.price(&random),
      wire(random.pick(weights).bitPattern), Array(random.pick(["a", "a ", "b", "bb  "]).utf8),
      Array(name.utf8), wire(Int32(random.number(-3...3))),
      wire(random.next()) + wire(UInt64(0)), [random.oneIn(2) ? 1 : 0],
    ]
    return row.enumerated().map { $0 > 0 && random.oneIn(12) ? nil : $1 }
  }

  /// As `numeric_send` writes them: small ones of several scales, one of 200 digits, NaN and the infinities.
  private static func price(_ random: inout SeededRandom) -> [UInt8] {
    func wire(_ fields: [Int]) -> [UInt8] {
      fields.flatMap { field in
        withUnsafeBytes(of: Int16(truncatingIfNeeded: field).bigEndian) { Array($0) }
      }
    }
    switch random.number(0...20) {
    case 0: return wire([0, 0, 0xC000, 0])
    case 1: return wire([0, 0, 0xD000, 0])
    case 2: return wire([50, 49, random.pick([0, 0x4000]), 0] + (0..<50).map { $0 + 1 })
    case 3: return wire([1, 0, 0, 2, 1])
    case 4: return wire([1, 0, 0, 0, 1])
    default:
      let scale = random.number(0...4)
      let digits = [random.number(1...9999), random.number(0...9) * 1000]
      return wire([2, 0, random.pick([0, 0x4000]), scale] + digits)
    }
  }
}

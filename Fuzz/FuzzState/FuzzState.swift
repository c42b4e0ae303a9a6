import Engine
import FuzzSupport

// A state that was changed anywhere is refused, or is another state whose rows can be read. Input is a list of changes: where (2 bytes),
// and the byte that is there instead; what is left over cuts the state off.

private func column(_ index: Int, of input: Int = 0) -> Expression {
  .column(Expression.Column(input: input, index: index, type: types[index]))
}

private let types: [ColumnType] = [.int8, .int4, .numeric, .bpchar, .float8]

/// A keyed table; grouped by what has several spellings, under every aggregate; joined with itself, inner and outer; and a view in which
/// rows share a key.
private let plan: Plan = {
  var plan = Plan()
  let table = plan.add(.source(0))
  plan.sources.append(
    Plan.Source(
      relation: 1, name: QualifiedName(schema: "public", name: "t"),
      columns: types.enumerated().map {
        Plan.Source.Column(attribute: $0 + 1, name: "c\($0)", type: $1, typeOID: 0)
      }, identity: .key([0]), node: table))
  func view(_ node: Int, key: [Int]) {
    plan.views.append(
      Plan.View(
        name: QualifiedName(schema: "public", name: "v\(node)"), node: node,
        columns: plan.types(of: node).map {
          Plan.View.Column(name: "c", type: $0, typeName: "\($0)")
        }, key: key, identity: key, definition: ""))
  }
  var aggregates = [
    Plan.Aggregate(.count, of: nil, type: .int8),
    Plan.Aggregate(.sumInt, of: column(1), type: .int8),
    Plan.Aggregate(.sumNumeric, of: column(2), type: .numeric),
  ]
  for index in types.indices {
    aggregates.append(Plan.Aggregate(.max, of: column(index), type: types[index]))
    aggregates.append(Plan.Aggregate(.countDistinct, of: column(index), type: .int8))
  }
  view(
    plan.add(
      .aggregate(
        input: table, filter: nil, keys: [column(2), column(3)], aggregates: aggregates)),
    key: [0, 1])
  let equality = Plan.JoinEquality(
    Expression.Column(input: 0, index: 2, type: .numeric),
    Expression.Column(input: 1, index: 2, type: .numeric))
  let ids = [column(0), column(0, of: 1)]
  view(
    plan.add(.join(inputs: [table, table], equalities: [equality], residual: nil, outputs: ids)),
    key: [0, 1])
  view(
    plan.add(
      .outerJoin(
        left: table, right: table, kind: .full, equalities: [equality], residual: nil,
        outputs: ids)), key: [0, 1])
  view(plan.add(.map(input: table, filter: nil, outputs: [column(1), column(3)])), key: [0])
  return plan
}()

private let seed: UInt64 = 0x9e37_79b9_7f4a_7c15

private let state: [UInt8] = {
  let dataflow = Dataflow(plan: plan, store: ViewStore(readers: 1, hashSeed: seed))
  for number in 0..<12 {
    // 1.5, 1.50, NaN, and one of 40 digits.
    let numerics: [[UInt8]] = [
      [0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88], [0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88],
      [0, 0, 0, 0, 0xC0, 0, 0, 0],
      [0, 10, 0, 9, 0, 0, 0, 0] + Array(repeating: [1, 7], count: 10).joined(),
    ]
    let values: [[UInt8]] = [
      [0, 0, 0, 0, 0, 0, 0, UInt8(number)], [0, 0, 0, UInt8(number % 5)], numerics[number % 4],
      Array(["a", "a ", "b"][number % 3].utf8), [0x3F, 0xF0, 0, 0, 0, 0, 0, UInt8(number % 2)],
    ]
    let bytes = Array(values.joined())
    bytes.withUnsafeBytes { bytes in
      var place = 0
      for (index, value) in values.enumerated() {
        dataflow.inputs[0].new[index] = .binary(
          UnsafeRawBufferPointer(rebasing: bytes[place..<place + value.count]))
        place += value.count
      }
      try! dataflow.inputs[0].insert()
    }
  }
  try! dataflow.finishStep(at: position, committedAt: nil, xid: nil)
  var bytes: [UInt8] = []
  var writer = StateWriter { bytes.append(contentsOf: $0) }
  try! dataflow.writeState(to: &writer)
  try! dataflow.writeRows(to: &writer)
  try! writer.finish()
  return bytes
}()

private let position = Position(epoch: Epoch("fuzz")!, lsn: LSN(1))

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  precondition(state.count < 65_536, "two bytes reach every place")
  precondition(restores(state), "the state itself is one")
  let places = stride(from: 36, to: state.count, by: max(1, state.count / 200))
  Seeds.writeIfAsked([[]] + places.map { [UInt8($0 & 0xFF), UInt8($0 >> 8), 0xFF] })
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var changed = state
  let input = UnsafeBufferPointer(start: start, count: count)
  var place = 0
  while place + 3 <= input.count {
    let at = (Int(input[place]) | Int(input[place + 1]) << 8) % changed.count
    changed[at] = input[place + 2]
    place += 3
  }
  if place < input.count { changed.removeLast(Int(input[place]) % changed.count) }
  _ = restores(changed)
  return 0
}

private func restores(_ bytes: [UInt8]) -> Bool {
  let store = ViewStore(readers: 1, hashSeed: seed)
  let dataflow = Dataflow(plan: plan, store: store)
  do {
    try bytes.withUnsafeBytes { bytes in
      var place = 0
      var reader = StateReader(byteCount: bytes.count) {
        defer { place = min(bytes.count, place + 1000) }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<min(bytes.count, place + 1000)])
      }
      try dataflow.restoreState(from: &reader)
      try dataflow.restoreRows(from: &reader)
    }
  } catch {
    precondition(error is StateFault, "\(error)")
    return false
  }
  dataflow.publishRestored(at: position)
  let visible = store.gate.visible
  var rows = 0
  for view in visible.views.views {
    view.table.forEachRow(at: visible.sequence) { rows += $0.copies + $0.json.count }
  }
  return rows > 0
}

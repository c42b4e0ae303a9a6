import Foundation
import TestSupport
import Testing

@testable import Engine

/// What it takes to write and to restore 1,000,000 pairs; run with `ONHAND_STATE_BENCH=1` and a release build.
@Suite struct StateBench {
  private static let environment = ProcessInfo.processInfo.environment

  /// `movements(item, place, units, price)`, grouped, joined with `items` and `places`, grouped again.
  private static var plan: Plan {
    var plan = Plan()
    func source(_ name: String, _ columns: [(String, ColumnType)], _ identity: Plan.Source.Identity)
      -> Int
    {
      let node = plan.add(.source(plan.sources.count))
      plan.sources.append(
        Plan.Source(
          relation: UInt32(node), name: QualifiedName(schema: "public", name: name),
          columns: columns.enumerated().map { index, column in
            Plan.Source.Column(attribute: index + 1, name: column.0, type: column.1, typeOID: 0)
          }, identity: identity, node: node))
      return node
    }
    let movements = source(
      "movements", [("item", .int4), ("place", .int4), ("units", .int4), ("price", .numeric)], .full
    )
    let items = source("items", [("item", .int4), ("name", .text)], .key([0]))
    let places = source("places", [("place", .int4), ("name", .text)], .key([0]))
    let partial = plan.add(
      .aggregate(
        input: movements, filter: nil, keys: [column(0, .int4), column(1, .int4)],
        aggregates: [
          Plan.Aggregate(.count, of: nil, type: .int8),
          Plan.Aggregate(.sumInt, of: column(2, .int4), type: .int8),
          Plan.Aggregate(.sumNumeric, of: column(3, .numeric), type: .numeric),
        ]))
    func equality(_ input: Int) -> Plan.JoinEquality {
      Plan.JoinEquality(
        Expression.Column(input: 0, index: input - 1, type: .int4),
        Expression.Column(input: input, index: 0, type: .int4))
    }
    let join = plan.add(
      .join(
        inputs: [partial, items, places], equalities: [equality(1), equality(2)], residual: nil,
        outputs: [
          column(0, .int4), column(1, .int4), column(1, .text, of: 1), column(1, .text, of: 2),
          column(2, .int8), column(3, .int8), column(4, .numeric),
        ]))
    let final = plan.add(
      .aggregate(
        input: join, filter: nil, keys: (0...3).map { column($0, $0 < 2 ? .int4 : .text) },
        aggregates: [
          Plan.Aggregate(.sumInt, of: column(4, .int8), type: .int8),
          Plan.Aggregate(.sumInt, of: column(5, .int8), type: .int8),
          Plan.Aggregate(.sumNumeric, of: column(6, .numeric), type: .numeric),
        ]))
    let names = ["item_id", "place_id", "item", "place", "movements", "stock_on_hand", "worth"]
    plan.views.append(
      Plan.View(
        name: QualifiedName(schema: "public", name: "live_stock"), node: final,
        columns: plan.types(of: final).enumerated().map { index, type in
          Plan.View.Column(name: names[index], type: type, typeName: "\(type)")
        }, key: [0, 1], identity: [0, 1], definition: ""))
    return plan
  }

  private static func wire(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  private static func insert(_ values: [[UInt8]], _ input: TableInput) throws {
    let all = Array(values.joined())
    try all.withUnsafeBytes { bytes in
      var place = 0
      for (index, value) in values.enumerated() {
        input.new[index] = .binary(
          UnsafeRawBufferPointer(rebasing: bytes[place..<place + value.count]))
        place += value.count
      }
      try input.insert()
    }
  }

  private static func fill(_ dataflow: Dataflow, items: Int, places: Int) throws {
    for item in 0..<items {
      try insert([wire(Int32(item)), Array("item number \(item)".utf8)], dataflow.inputs[1])
    }
    for place in 0..<places {
      try insert([wire(Int32(place)), Array("warehouse \(place)".utf8)], dataflow.inputs[2])
    }
    for item in 0..<items {
      for place in 0..<places {
        // n.50, as `numeric_send` writes it.
        let price =
          wire(Int16(2)) + wire(Int16(0)) + wire(Int16(0)) + wire(Int16(2))
          + wire(Int16(item % 9000 + 1)) + wire(Int16(5000))
        try insert(
          [wire(Int32(item)), wire(Int32(place)), wire(Int32(item % 100)), price],
          dataflow.inputs[0])
      }
    }
  }

  /// Memory in use: resident, once what was freed has been given back.
  private static var heapBytes: Int {
    let trim = dlsym(nil, "malloc_trim").map {
      unsafeBitCast($0, to: (@convention(c) (Int) -> Int32).self)
    }
    _ = trim?(0)
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }

  @Test(.enabled(if: environment["ONHAND_STATE_BENCH"] != nil))
  func millionPairs() throws {
    let clock = ContinuousClock()
    let items = Int(Self.environment["ONHAND_STATE_BENCH_ITEMS"] ?? "") ?? 20_000
    let plan = Self.plan
    let beforeAll = Self.heapBytes
    let original = StateTrial(plan, seed: 0x9e37_79b9_7f4a_7c15)
    original.store.feed.remove(original.recorder)
    let filling = try clock.measure {
      try Self.fill(original.dataflow, items: items, places: 50)
      try original.finishStep(1)
      try original.finishStep(2)
    }
    let size = Self.heapBytes - beforeAll
    var counted = 0
    let counting = try clock.measure {
      var writer = StateWriter { counted += $0.count }
      try original.dataflow.writeState(to: &writer)
      try original.dataflow.writeRows(to: &writer)
      try writer.finish()
    }
    let file = URL(fileURLWithPath: NSTemporaryDirectory() + "onhand-state-\(getpid())")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try FileHandle(forWritingTo: file)
    let writing = try clock.measure {
      var writer = StateWriter { block in
        guard write(output.fileDescriptor, block.baseAddress, block.count) == block.count else {
          throw POSIXError(.EIO)
        }
      }
      try original.dataflow.writeState(to: &writer)
      try original.dataflow.writeRows(to: &writer)
      try writer.finish()
    }
    let expected = original.store.gate.visible.views.views[0].table.rowCount
    let input = try FileHandle(forReadingFrom: file)
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: StateWriter.blockBytesMax, alignment: 16)
    defer { block.deallocate() }
    let before = Self.heapBytes
    let store = ViewStore(readers: 1, hashSeed: 0x9e37_79b9_7f4a_7c15)
    let restored = Dataflow(plan: plan, store: store)
    var operators = Duration.zero
    let restoring = try clock.measure {
      var reader = StateReader(byteCount: counted) {
        let count = read(input.fileDescriptor, block.baseAddress, block.count)
        return count > 0 ? UnsafeRawBufferPointer(rebasing: block[..<count]) : nil
      }
      operators = try clock.measure { try restored.restoreState(from: &reader) }
      try restored.restoreRows(from: &reader)
      restored.publishRestored(at: try StateTrial.position(2))
    }
    let restoredSize = Self.heapBytes - before
    print(
      """
      \(expected) rows: filled in \(filling); \(counted >> 20) MiB of state
      written to nowhere in \(counting), to a file in \(writing)
      restored in \(restoring), of which operators \(operators)
      in use: \(size >> 20) MiB when filled, \(restoredSize >> 20) MiB when restored
      """)
    #expect(store.gate.visible.views.views[0].table.rowCount == expected)
    #expect((size * 90...size * 110).contains(restoredSize * 100))
  }
}

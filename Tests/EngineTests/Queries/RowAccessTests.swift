import TestSupport
import Testing

@testable import Engine

/// Rows found by key or group, beside the same filter tried on all rows.
struct RowAccessTests {
  private static let columns = [
    Plan.View.Column(name: "item", type: .int4, typeName: "integer"),
    Plan.View.Column(name: "price", type: .numeric, typeName: "numeric"),
    Plan.View.Column(name: "units", type: .int8, typeName: "bigint"),
  ]
  private static let prices: [String?] = [nil, "0", "1.0", "1.00", "-2.5", "NaN"]

  private func makeView(isGrouped: Bool) -> LiveView {
    let definition = Plan.View(
      name: QualifiedName(schema: "public", name: "v"), node: 0, columns: Self.columns,
      key: [0, 1], identity: [0, 1], definition: "")
    let hasher = RowHasher(seed: 5)
    let table =
      isGrouped
      ? ViewTable(hasher: hasher, keyTypes: [.int4, .numeric], groupedBy: 0)
      : ViewTable(hasher: hasher)
    return LiveView(definition: definition, table: table)
  }

  private func put(_ item: Int?, _ price: String?, _ units: Datum, _ view: LiveView) {
    let arena = ScratchArena()
    let number = price.flatMap { ColumnType.numeric.parse($0, arena) } ?? .null
    let datums = [item.map { .word(Int64($0)) } ?? .null, number, units]
    let row = RowBatch()
    row.beginRow(view.rowLayout)
    for (slot, datum) in zip(view.rowLayout.slots, datums) { row.set(slot, datum) }
    row.endRow(weight: 1)
    let text = Array("\(item.map(String.init) ?? "null") \(price ?? "null")".utf8)
    let builder = view.makeKeyBuilder()
    view.table.edit(builder.build { datums[$0] }) { slot in
      text.withUnsafeBytes {
        slot.put(row.row(0), json: $0, copies: 1, fault: nil, sequence: 1)
      }
    }
  }

  private func texts(_ view: LiveView, _ access: RowAccess, _ filter: Expression) -> [String] {
    let program = Program(condition: filter, over: view.rowLayout)
    var found: [String] = []
    access.forEachRow(of: view, at: 1) { version in
      guard case .keep = program.run(version.row) else { return }
      found.append(String(decoding: version.json, as: UTF8.self))
    }
    return found.sorted()
  }

  /// The same, gone through in parts of a few rows.
  private func textsInParts(
    _ view: LiveView, _ access: RowAccess, _ filter: Expression, _ random: inout SeededRandom
  ) -> [String] {
    let program = Program(condition: filter, over: view.rowLayout)
    var found: [String] = []
    var rest: RowAccess.Rest? = access.allRows(of: view, at: 1)
    while let part = rest {
      var left = random.number(1...9)
      rest = access.forEachRow(of: view, in: part, at: 1) { version in
        left -= 1
        if case .keep = program.run(version.row) {
          found.append(String(decoding: version.json, as: UTF8.self))
        }
        #expect(left >= 0, "a part goes on behind its end")
        return left > 0
      }
    }
    return found.sorted()
  }

  private func test(_ random: inout SeededRandom) -> Filter {
    let column = random.pick(Self.columns.map(\.name))
    let operands =
      column == "price" ? ["0", "1", "1.000", "-2.50", "nan", "7"] : (0...9).map(String.init)
    let filter: Filter
    switch random.number(0...5) {
    case 0: filter = .test(column: column, .isNull)
    case 1...2:
      let values = (0..<random.number(0...6)).map { _ in random.pick(operands) }
      filter = .test(column: column, .among(values))
    case 3: filter = .test(column: column, .compare(.greater, random.pick(operands)))
    default: filter = .test(column: column, .compare(.equal, random.pick(operands)))
    }
    return random.oneIn(8) ? .not(filter) : filter
  }

  private func filter(_ random: inout SeededRandom, depth: Int = 0) -> Filter {
    guard depth < 3, random.oneIn(2) else { return test(&random) }
    let parts = (0..<random.number(1...4)).map { _ in filter(&random, depth: depth + 1) }
    return random.oneIn(3) ? .any(parts) : .all(parts)
  }

  @Test(arguments: [true, false])
  func everyFilterFindsWhatAScanFinds(isGrouped: Bool) throws {
    var random = SeededRandom()
    let view = makeView(isGrouped: isGrouped)
    for _ in 0..<60 {
      put(
        random.oneIn(9) ? nil : random.number(0...9), random.pick(Self.prices),
        random.oneIn(5) ? .null : .word(Int64(random.number(0...9))), view)
    }
    var uses = (keys: 0, groups: 0, slices: 0)
    for round in 0..<4_000 {
      let filter = filter(&random)
      let bound = try FilterBinder(Self.columns).bind(filter)
      let access = RowAccess(filter, of: view)
      // As many slices as a table of so many rows has.
      view.setStatus(ViewStatus(rowCount: random.pick([60, 10_000, 1_000_000])), at: 1)
      switch access {
      case .keys: uses.keys += 1
      case .groups: uses.groups += 1
      case .all where random.oneIn(9): uses.slices += 1
      case .all: continue
      }
      let expected = texts(view, .all, bound)
      try #require(texts(view, access, bound) == expected, "round \(round): \(filter)")
      try #require(
        textsInParts(view, access, bound, &random) == expected, "round \(round), parts: \(filter)")
    }
    #expect(uses.keys > 200 && uses.slices > 50, "\(uses)")
    #expect(isGrouped ? uses.groups > 200 : uses.groups == 0, "\(uses)")
  }

  /// Which key such a row has, nobody knows.
  @Test func aRowThatFailsIsMetWhateverTheFilterPins() throws {
    let view = makeView(isGrouped: true)
    put(1, "1", .word(1), view)
    put(2, "1", .fault(.divisionByZero), view)
    view.setStatus(ViewStatus(rowCount: 2, faultyCount: 1), at: 1)
    var met = 0
    let filter = Filter.test(column: "item", .compare(.equal, "1"))
    RowAccess(filter, of: view).forEachRow(of: view, at: 1) { _ in met += 1 }
    #expect(met == 2)
  }
}

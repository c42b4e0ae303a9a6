@testable import Engine

/// The views of a plan computed from whole tables, each time from the start: the oracle of ``Dataflow``.
struct SlowPlan {
  struct Row: Hashable {
    var cells: [Cell]
    /// A condition on the row failed, so that nobody knows whether it belongs.
    var isFaulty = false
  }

  let plan: Plan
  /// By source.
  let tables: [[[Cell]]]

  /// The rows of a view as text, duplicates included, sorted.
  func rows(of view: Plan.View, exactColumns: Set<Int>) -> [String] {
    rows(of: view.node).map { row in
      let shown = row.cells.prefix(view.columns.count).enumerated().map { index, cell in
        cell.text(exactly: exactColumns.contains(index))
      }
      return Self.line(shown, isFaulty: row.isFaulty || row.cells.contains(.fault))
    }.sorted()
  }

  static func line(_ cells: [String], isFaulty: Bool) -> String {
    cells.joined(separator: ", ") + (isFaulty ? " !" : "")
  }

  private func rows(of node: Plan.NodeID) -> [Row] {
    switch plan.nodes[node] {
    case .source(let index): return tables[index].map { Row(cells: $0) }
    case .map(let input, let filter, let outputs):
      return rows(of: input).compactMap { row in
        Self.filtered(row, filter, [row.cells]).map { kept in
          Row(cells: outputs.map { $0.slowValue([row.cells]) }, isFaulty: kept.isFaulty)
        }
      }
    case .aggregate(let input, let filter, let keys, let aggregates):
      return Self.grouped(
        rows(of: input).compactMap { Self.filtered($0, filter, [$0.cells]) }, keys, aggregates)
    case .join(let inputs, let equalities, let residual, let outputs):
      return combinations(inputs.map(rows)).compactMap { combination in
        Self.joined(combination, equalities, residual, outputs)
      }
    case .outerJoin(let left, let right, let kind, let equalities, let residual, let outputs):
      return outerJoined(left, right, kind) { pair in
        Self.joined(pair, equalities, residual, outputs)
      } unmatched: { pair in
        Row(
          cells: outputs.map { $0.slowValue(pair.map(\.cells)) },
          isFaulty: pair.contains { $0.isFaulty })
      } key: { side, row in
        equalities.flatMap { [$0.left, $0.right] }.filter { $0.input == side }
          .map { row.cells[$0.index] }
      }
    case .union(let inputs): return inputs.flatMap(rows)
    }
  }

  /// The row, unless the filter says that it does not belong.
  private static func filtered(_ row: Row, _ filter: Expression?, _ inputs: [[Cell]]) -> Row? {
    var row = row
    switch filter?.slowValue(inputs) {
    case nil, .word(1): return row
    case .fault:
      row.isFaulty = true
      return row
    default: return nil
    }
  }

  private func combinations(_ inputs: [[Row]]) -> [[Row]] {
    inputs.reduce([[]]) { partial, rows in partial.flatMap { head in rows.map { head + [$0] } } }
  }

  private static func joined(
    _ rows: [Row], _ equalities: [Plan.JoinEquality], _ residual: Expression?,
    _ outputs: [Expression]
  ) -> Row? {
    for equality in equalities {
      let left = rows[equality.left.input].cells[equality.left.index]
      let right = rows[equality.right.input].cells[equality.right.index]
      guard left == right, left != .null, left != .fault else { return nil }
    }
    let cells = rows.map(\.cells)
    let row = Row(
      cells: outputs.map { $0.slowValue(cells) }, isFaulty: rows.contains { $0.isFaulty })
    return filtered(row, residual, cells)
  }

  /// Every pair that matches, and every row to be preserved that is in none.
  private func outerJoined(
    _ left: Plan.NodeID, _ right: Plan.NodeID, _ kind: Plan.OuterJoinKind,
    matched: ([Row]) -> Row?, unmatched: ([Row]) -> Row, key: (Int, Row) -> [Cell]
  ) -> [Row] {
    func missing(_ node: Plan.NodeID, _ cell: Cell) -> Row {
      Row(cells: plan.types(of: node).map { _ in cell }, isFaulty: cell == .fault)
    }
    let (lefts, rights) = (rows(of: left), rows(of: right))
    var result: [Row] = []
    var matchedRights: Set<Int> = []
    for row in lefts {
      let partners = rights.indices.compactMap { index in
        matched([row, rights[index]]).map { (index, $0) }
      }
      matchedRights.formUnion(partners.map(\.0))
      result += partners.map(\.1)
      if key(0, row).contains(.fault) {
        result.append(unmatched([row, missing(right, .fault)]))
      } else if partners.isEmpty {
        result.append(unmatched([row, missing(right, .null)]))
      }
    }
    for (index, row) in rights.enumerated() {
      if key(1, row).contains(.fault) {
        result.append(unmatched([missing(left, .fault), row]))
      } else if kind == .full, !matchedRights.contains(index) {
        result.append(unmatched([missing(left, .null), row]))
      }
    }
    return result
  }

  // MARK: Groups

  private static func grouped(
    _ rows: [Row], _ keys: [Expression], _ aggregates: [Plan.Aggregate]
  ) -> [Row] {
    var groups = Dictionary(grouping: rows) { row in keys.map { $0.slowValue([row.cells]) } }
    if keys.isEmpty, groups.isEmpty { groups[[]] = [] }
    return groups.map { key, members in
      // Equal keys of a group may be spelled in several ways; one of them at most in these plans.
      let key = key.indices.map { index in
        members.map { keys[index].slowValue([$0.cells]) }.min(by: Cell.isSpelledBefore)
          ?? key[index]
      }
      let sound = members.filter { !$0.isFaulty }.map(\.cells)
      var values = aggregates.map { value($0, sound) }
      // One that fails takes the others of its group along.
      if values.contains(.fault) { values = values.map { _ in .fault } }
      return Row(cells: key + values, isFaulty: members.contains { $0.isFaulty })
    }
  }

  private static func value(_ aggregate: Plan.Aggregate, _ rows: [[Cell]]) -> Cell {
    var arguments: [Cell] = []
    for row in rows {
      let passes = aggregate.filter?.slowValue([row]) ?? .bool(true)
      if passes == .fault { return .fault }
      guard passes.isTrue else { continue }
      let argument = aggregate.argument?.slowValue([row]) ?? .bool(true)
      if argument == .fault { return .fault }
      if !argument.isNull { arguments.append(argument) }
    }
    switch aggregate.function {
    case .count: return .word(Int64(arguments.count))
    case .countDistinct: return .word(Int64(Set(arguments).count))
    case .min: return arguments.min(by: Cell.isSpelledBefore) ?? .null
    case .max: return arguments.max(by: Cell.isSpelledBefore) ?? .null
    case .sumInt: return sum(arguments).map { .word(Int64($0.unscaled)) } ?? .null
    case .sumIntAsNumeric, .sumNumeric: return sum(arguments).map { .decimal($0) } ?? .null
    }
  }

  private static func sum(_ cells: [Cell]) -> PlainDecimal? {
    let numbers = cells.map { cell in
      switch cell {
      case .word(let word): PlainDecimal(Int(word), scale: 0)
      case .decimal(let decimal): decimal
      case .null, .text, .fault: preconditionFailure("\(cell) has no sum")
      }
    }
    return numbers.isEmpty ? nil : numbers.reduce(PlainDecimal(0, scale: 0), +)
  }
}

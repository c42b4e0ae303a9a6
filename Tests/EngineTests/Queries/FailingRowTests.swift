import TestSupport
import Testing

@testable import Engine

/// What a filter says of rows for which an expression of the view failed.
struct FailingRowTests {
  private enum Truth: CaseIterable {
    case no, yes, unknown, failed

    var datum: Datum {
      switch self {
      case .no: .bool(false)
      case .yes: .bool(true)
      case .unknown: .null
      case .failed: .fault(.divisionByZero)
      }
    }
  }

  private static let names = ["a", "b", "c"]

  private static func filter(_ random: inout SeededRandom, depth: Int) -> Filter {
    guard depth > 0, !random.oneIn(4) else {
      return .test(column: random.pick(names), .compare(.equal, "true"))
    }
    let parts = (0..<random.number(0...3)).map { _ in filter(&random, depth: depth - 1) }
    return switch random.number(0...2) {
    case 0: .all(parts)
    case 1: .any(parts)
    default: .not(filter(&random, depth: depth - 1))
    }
  }

  /// Whatever the order: one that decides does, then what failed counts, then what is unknown.
  private static func truth(_ filter: Filter, _ row: [Truth]) -> Truth {
    switch filter {
    case .all(let parts):
      let truths = parts.map { truth($0, row) }
      return [.no, .failed, .unknown].first(where: truths.contains) ?? .yes
    case .any(let parts):
      let truths = parts.map { truth($0, row) }
      return [.yes, .failed, .unknown].first(where: truths.contains) ?? .no
    case .not(let part):
      return switch truth(part, row) {
      case .no: .yes
      case .yes: .no
      case let other: other
      }
    case .test(let name, _): return row[names.firstIndex(of: name) ?? 0]
    }
  }

  @Test func whatAnotherConditionDropsOrKeepsDoesNotFail() throws {
    var random = SeededRandom()
    let columns = Self.names.map { Plan.View.Column(name: $0, type: .bool, typeName: "boolean") }
    let layout = RowLayout(columns.map(\.type))
    var seen: [Truth: Int] = [:]
    for _ in 0..<200 {
      let filter = Self.filter(&random, depth: 3)
      let program = Program(condition: try FilterBinder(columns).bind(filter), over: layout)
      for _ in 0..<20 {
        let row = Self.names.map { _ in random.pick(Truth.allCases) }
        let batch = RowBatch()
        batch.beginRow(layout)
        for (slot, value) in zip(layout.slots, row) { batch.set(slot, value.datum) }
        batch.endRow(weight: 1)
        let expected = Self.truth(filter, row)
        seen[expected, default: 0] += 1
        switch (program.run(batch.row(0)), expected) {
        case (.keep, .yes), (.drop, .no), (.drop, .unknown), (.unknown, .failed): break
        case (let verdict, _): Issue.record("\(verdict) for \(row), \(expected): \(filter)")
        }
      }
    }
    #expect(Truth.allCases.allSatisfy { seen[$0, default: 0] > 20 }, "\(seen)")
  }
}

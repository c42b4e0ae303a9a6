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

  /// What a filter can come to, where what failed could have been anything.
  private static func truths(_ filter: Filter, _ row: [Truth]) -> Set<Truth> {
    switch filter {
    case .all(let parts): combined(parts.map { truths($0, row) }, from: .yes, deciding: .no)
    case .any(let parts): combined(parts.map { truths($0, row) }, from: .no, deciding: .yes)
    case .not(let part):
      Set(truths(part, row).map { $0 == .no ? .yes : $0 == .yes ? .no : $0 })
    case .test(let name, _):
      switch row[names.firstIndex(of: name) ?? 0] {
      case .failed: [.no, .yes, .unknown]
      case let truth: [truth]
      }
    }
  }

  private static func combined(_ parts: [Set<Truth>], from start: Truth, deciding: Truth)
    -> Set<Truth>
  {
    parts.reduce([start]) { all, part in
      var combinations: Set<Truth> = []
      for left in all {
        for right in part {
          let isDecided = left == deciding || right == deciding
          let isUnknown = left == .unknown || right == .unknown
          combinations.insert(isDecided ? deciding : isUnknown ? .unknown : start)
        }
      }
      return combinations
    }
  }

  @Test func aRowFailsAFilterOnlyIfItMayBelong() throws {
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
        let truths = Self.truths(filter, row)
        let expected: Truth = truths == [.yes] ? .yes : truths.contains(.yes) ? .failed : .no
        seen[expected, default: 0] += 1
        switch (program.run(batch.row(0)), expected) {
        case (.keep, .yes), (.drop, .no), (.unknown, .failed): break
        case (let verdict, _): Issue.record("\(verdict) for \(row), \(truths): \(filter)")
        }
      }
    }
    #expect([.no, .yes, .failed].allSatisfy { seen[$0, default: 0] > 20 }, "\(seen)")
  }
}

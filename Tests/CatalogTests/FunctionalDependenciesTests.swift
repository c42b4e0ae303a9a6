import TestSupport
import Testing

@testable import Catalog

/// Rules against small relations in which they hold.
@Suite struct FunctionalDependenciesTests {
  private typealias Row = [Int]

  private struct Sample {
    var rules = FunctionalDependencies()
    var rows: [Row] = []
    var columns = 0
  }

  private func holds(_ rule: FunctionalDependencies.Rule, in rows: [Row]) -> Bool {
    rows.allSatisfy { a in
      rows.allSatisfy { b in
        !rule.from.allSatisfy { a[$0] == b[$0] } || rule.to.allSatisfy { a[$0] == b[$0] }
      }
    }
  }

  /// Random rules, and random rows of which those that break a rule are left out.
  private func sample(_ random: inout SeededRandom) -> Sample {
    var sample = Sample()
    sample.columns = random.number(2...5)
    func some() -> Set<Int> {
      Set((0..<sample.columns).filter { _ in random.oneIn(3) })
    }
    for _ in 0..<random.number(0...4) {
      if random.oneIn(3) {
        sample.rules.addEquality(
          random.number(0...sample.columns - 1), random.number(0...sample.columns - 1))
      } else {
        sample.rules.add(some(), determines: some())
      }
    }
    for _ in 0..<30 {
      var row = (0..<sample.columns).map { _ in random.number(0...2) }
      // An equality says more than its two rules: the values are the same.
      for column in row.indices {
        for twin in sample.rules.equals(of: column) { row[twin] = row[column] }
      }
      let with = sample.rows + [row]
      if sample.rules.rules.allSatisfy({ holds($0, in: with) }) { sample.rows = with }
    }
    return sample
  }

  private func subsets(_ count: Int) -> [Set<Int>] {
    (0..<(1 << count)).map { bits in Set((0..<count).filter { bits >> $0 & 1 == 1 }) }
  }

  /// By the definition: the smallest superset that no rule leads out of.
  private func slowClosure(_ rules: FunctionalDependencies, _ columns: Set<Int>, of count: Int)
    -> Set<Int>
  {
    subsets(count).filter { candidate in
      candidate.isSuperset(of: columns)
        && rules.rules.allSatisfy {
          !$0.from.isSubset(of: candidate) || $0.to.isSubset(of: candidate)
        }
    }.min { $0.count < $1.count } ?? []
  }

  @Test func closureIsTheSmallestClosedSuperset() {
    var random = SeededRandom()
    for _ in 0..<60 {
      let sample = sample(&random)
      for columns in subsets(sample.columns) {
        #expect(
          sample.rules.closure(of: columns)
            == slowClosure(sample.rules, columns, of: sample.columns),
          "\(sample.rules.rules), \(columns)")
      }
    }
  }

  @Test func closureHoldsInTheRows() {
    var random = SeededRandom()
    for _ in 0..<60 {
      let sample = sample(&random)
      for columns in subsets(sample.columns) {
        let rule = FunctionalDependencies.Rule(
          from: columns, to: sample.rules.closure(of: columns))
        #expect(holds(rule, in: sample.rows), "\(sample)")
      }
    }
  }

  @Test func aMinimizedKeyIsAKeyAndNoPartOfItIs() {
    var random = SeededRandom()
    for _ in 0..<60 {
      let sample = sample(&random)
      let all = Set(0..<sample.columns)
      let key = sample.rules.minimized(Array(all).shuffled(using: &random))
      #expect(slowClosure(sample.rules, Set(key), of: sample.columns) == all, "\(sample.rules)")
      for column in key {
        let rest = Set(key).subtracting([column])
        #expect(
          slowClosure(sample.rules, rest, of: sample.columns) != all, "\(sample.rules) \(key)")
      }
    }
  }

  @Test func minimizingDropsTheLastColumnsFirst() {
    var rules = FunctionalDependencies()
    rules.addEquality(0, 1)
    #expect(rules.minimized([0, 1]) == [0])
    #expect(rules.minimized([1, 0]) == [1])
  }

  @Test func projectedRulesHoldInTheProjectedRows() {
    var random = SeededRandom()
    var kept = 0
    for _ in 0..<400 {
      let sample = sample(&random)
      let outputs: [Int?] = (0..<random.number(1...5)).map { _ in
        random.oneIn(5) ? nil : random.number(0...sample.columns - 1)
      }
      let projected = sample.rules.projected(outputs)
      // A column that shows no column of the relation may hold anything.
      let rows = sample.rows.map { row in
        outputs.map { $0.map { row[$0] } ?? random.number(0...9) }
      }
      for rule in projected.rules {
        #expect(holds(rule, in: rows), "\(sample), outputs \(outputs), rule \(rule)")
        kept += rule.to.isSubset(of: rule.from) ? 0 : 1
      }
    }
    #expect(kept > 100, "rules that say something must survive for the test to mean anything")
  }

  @Test func aTwinStandsInForAColumnThatIsNotShown() {
    var rules = FunctionalDependencies()
    rules.add([1], determines: [0, 1, 2])
    rules.addEquality(1, 3)
    let projected = rules.projected([3, 2])
    #expect(projected.closure(of: [0]) == [0, 1])
  }
}

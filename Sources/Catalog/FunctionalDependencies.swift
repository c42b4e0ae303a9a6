/// Which columns of a relation fix which others: where keys come from.
///
/// A rule `from -> to` says that rows equal in `from` are equal in `to`. Columns are numbers that the user
/// of the type chooses.
struct FunctionalDependencies: Sendable {
  struct Rule: Sendable, Hashable {
    var from: Set<Int>
    var to: Set<Int>
  }

  private(set) var rules: [Rule] = []

  mutating func add(_ from: Set<Int>, determines to: Set<Int>) {
    rules.append(Rule(from: from, to: to))
  }

  /// `a = b` holds in every row.
  mutating func addEquality(_ a: Int, _ b: Int) {
    add([a], determines: [b])
    add([b], determines: [a])
  }

  mutating func add(_ other: FunctionalDependencies, mapping: (Int) -> Int) {
    for rule in other.rules {
      add(Set(rule.from.map(mapping)), determines: Set(rule.to.map(mapping)))
    }
  }

  /// Everything that `columns` fix, themselves included.
  func closure(of columns: Set<Int>) -> Set<Int> {
    var closed = columns
    var grew = true
    while grew {
      grew = false
      for rule in rules where rule.from.isSubset(of: closed) && !rule.to.isSubset(of: closed) {
        closed.formUnion(rule.to)
        grew = true
      }
    }
    return closed
  }

  /// `key` without the columns that the rest of it fixes; the last ones go first.
  func minimized(_ key: [Int]) -> [Int] {
    var kept = key
    for column in key.reversed() {
      let rest = kept.filter { $0 != column }
      if closure(of: Set(rest)).contains(column) { kept = rest }
    }
    return kept
  }

  /// The rules as seen through a projection.
  ///
  /// - Parameter outputs: for each output, the column it shows, if it shows one as it is.
  ///
  /// A rule survives if its left side can be read off outputs, a column that fixes another and is fixed by it
  /// standing in for it: after `a JOIN b ON a.x = b.x`, showing `a.x` is as good as `b.x`.
  func projected(_ outputs: [Int?]) -> FunctionalDependencies {
    var shown: [Int: Int] = [:]
    for (output, column) in outputs.enumerated() {
      if let column, shown[column] == nil { shown[column] = output }
    }
    for (output, column) in outputs.enumerated() {
      guard let column else { continue }
      for twin in equals(of: column) where shown[twin] == nil { shown[twin] = output }
    }
    var projected = FunctionalDependencies()
    for rule in rules {
      let from = rule.from.compactMap { shown[$0] }
      let to = closure(of: rule.from).compactMap { shown[$0] }
      if from.count == rule.from.count { projected.add(Set(from), determines: Set(to)) }
    }
    return projected
  }

  /// The columns that hold the same value in every row.
  func equals(of column: Int) -> [Int] {
    rules.filter { $0.from == [column] && $0.to.count == 1 }.flatMap(\.to)
      .filter { twin in rules.contains(Rule(from: [twin], to: [column])) }
  }
}

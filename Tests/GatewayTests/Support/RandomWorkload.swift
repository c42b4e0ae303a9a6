import TestSupport

/// Random statements over a schema, the same for the same seed.
protocol RandomWorkload {
  var random: SeededRandom { get set }

  init(seed: UInt64)

  mutating func statement() -> String
}

extension RandomWorkload {
  /// One transaction as a script: some statements, parts of which or all of which may be rolled back.
  mutating func transaction() -> String {
    var statements: [String] = []
    for _ in 0..<random.number(1...6) {
      statements.append(statement())
      if random.oneIn(8) {
        statements += ["SAVEPOINT s", statement(), random.oneIn(2) ? "ROLLBACK TO s" : "RELEASE s"]
      }
    }
    let end = random.oneIn(8) ? "ROLLBACK" : "COMMIT"
    return "BEGIN; \(statements.joined(separator: "; ")); \(end)"
  }
}

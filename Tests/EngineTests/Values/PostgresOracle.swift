import Foundation
import Testing

@testable import Engine

/// A private Postgres server that evaluates expressions, for tests to compare with.
///
/// It lives in a temporary folder, listens on a Unix socket only and stops with the test process.
struct PostgresOracle {
  /// Nil where no server is installed or none could be started; the tests concerned are skipped.
  static let shared: PostgresOracle? = start()

  private let programs: String
  private let directory: String

  /// The text of each expression's value, `null`, or `error` and its SQLSTATE.
  func evaluate(_ expressions: [String], setup: String = "") throws -> [String] {
    let lines = expressions.map { $0.replacingOccurrences(of: "\\", with: "\\\\") }
    let script = """
      SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1;
      \(setup)
      CREATE TEMP TABLE e (id int GENERATED ALWAYS AS IDENTITY, x text);
      COPY e (x) FROM STDIN;
      \(lines.joined(separator: "\n"))
      \\.
      CREATE FUNCTION pg_temp.probe(x text) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE result text;
        BEGIN
          EXECUTE 'SELECT (' || x || ')::text' INTO result;
          RETURN coalesce(result, 'null');
        EXCEPTION WHEN OTHERS THEN RETURN 'error ' || SQLSTATE;
        END $$;
      SELECT pg_temp.probe(x) FROM e ORDER BY id;
      """
    let file = directory + "/\(UUID().uuidString).sql"
    try script.write(toFile: file, atomically: true, encoding: .utf8)
    let arguments = ["-h", directory, "-d", "postgres", "-U", "postgres", "-XqAt", "-f", file]
    let output = try Self.run(programs + "psql", arguments + ["-o", file + ".out"])
    guard output == 0 else { throw CocoaError(.executableLoad) }
    let text = try String(contentsOfFile: file + ".out", encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  private static func start() -> PostgresOracle? {
    let environment = ProcessInfo.processInfo.environment
    let programs = environment["ONHAND_TEST_PG_BIN"] ?? "/usr/lib/postgresql/15/bin"
    guard FileManager.default.isExecutableFile(atPath: programs + "/initdb") else { return nil }
    let oracle = PostgresOracle(
      programs: programs + "/", directory: "/tmp/onhand-oracle-\(UUID().uuidString.prefix(8))")
    return (try? oracle.launch()) == true ? oracle : nil
  }

  private func launch() throws -> Bool {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
    let data = directory + "/data"
    let initdb = ["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"]
    guard try Self.run(programs + "initdb", initdb) == 0 else { return false }
    // Not by `pg_ctl start`: the server would inherit what `waitUntilExit` waits for, and stay.
    let server = ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"]
    try Self.process(programs + "postgres", server).run()
    atexit { PostgresOracle.shared?.stop() }
    for _ in 0..<100 {
      if try Self.run(programs + "pg_isready", ["-q", "-h", directory]) == 0 { return true }
      usleep(100_000)
    }
    return false
  }

  private func stop() {
    _ = try? Self.run(programs + "pg_ctl", ["-D", directory + "/data", "-m", "immediate", "stop"])
    try? FileManager.default.removeItem(atPath: directory)
  }

  private static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    let process = process(program, arguments)
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// A program, to run as `postgres` when the tests run as root, which the server refuses.
  private static func process(_ program: String, _ arguments: [String]) -> Process {
    let process = Process()
    let command =
      (getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []) + [program] + arguments
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(fileURLWithPath: "/tmp")
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    return process
  }
}

/// An expression and what Onhand makes of it.
struct OracleCase {
  let sql: String
  let ours: String

  init(_ sql: String, _ ours: String) {
    self.sql = sql
    self.ours = ours
  }

  /// Takes the text of a result, or a fault as the oracle prints it.
  init(_ sql: String, _ compute: () throws(ValueFault) -> some CustomStringConvertible) {
    self.sql = sql
    do {
      ours = try compute().description
    } catch {
      ours = "error \(error.sqlState)"
    }
  }
}

/// Compares every case with the server and reports the first ones that differ.
func expectAgreement(
  _ cases: [OracleCase], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let oracle = try #require(PostgresOracle.shared)
  let answers = try oracle.evaluate(cases.map(\.sql))
  try #require(answers.count == cases.count, sourceLocation: sourceLocation)
  let differing = zip(cases, answers).filter { $0.ours != $1 }
  for (oracleCase, answer) in differing.prefix(10) {
    let sql = oracleCase.sql.prefix(300)
    Issue.record(
      "\(sql): Postgres \(answer.prefix(200)), ours \(oracleCase.ours.prefix(200))",
      sourceLocation: sourceLocation)
  }
  #expect(
    differing.isEmpty, "\(differing.count) of \(cases.count) differ", sourceLocation: sourceLocation
  )
}

extension Trait where Self == ConditionTrait {
  /// Runs the test only beside a Postgres server.
  static var needsPostgres: Self {
    .enabled("skipped: no Postgres found; set ONHAND_TEST_PG_BIN") { PostgresOracle.shared != nil }
  }
}

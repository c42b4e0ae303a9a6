import Capture
import Engine
import Runtime
import TestSupport
import Testing

@testable import Gateway

/// Rows that are served beside what the database says.
@Suite(.serialized)
struct VerifierTests {
  /// Follows a database with nobody else reading, as `onhand verify` does.
  private func follow(
    _ configuration: Configuration, _ body: (ViewVerifier) throws -> Void
  ) async throws {
    let clock = Clock()
    let store = ViewStore(readers: 1, hashSeed: .random(in: 0 ... .max))
    let capture = Capture(
      configuration.capture, store: store, clock: clock, logger: TestService.quiet)
    capture.start()
    let result = Result {
      try wait("the first snapshot") { store.gate.visible.position != nil }
      try body(
        ViewVerifier(
          store: store, reader: 0, clock: clock, stop: StopFlag(),
          positionIsAwaited: { capture.positionIsAwaited() }))
    }
    await withCheckedContinuation { continuation in capture.stop { continuation.resume() } }
    try result.get()
  }

  private func verify(_ verifier: ViewVerifier, _ database: TestDatabase, rows: Int) throws
    -> ViewVerifier.Report
  {
    let connection = try PostgresConnection(database.conninfo)
    var random = SeededRandom()
    var sum = ViewVerifier.Report()
    for view in verifier.store.gate.visible.views.views {
      let report = try verifier.check(view, count: rows, connection, using: &random)
      sum.checked += report.checked
      sum.skipped += report.skipped
      sum.differences += report.differences
    }
    return sum
  }

  @Test func rowsUnderChangesAreAsTheDatabaseSays() async throws {
    let database = try TestCluster.database(MovementSchema.own)
    let configuration = try database.prepared(MovementSchema.views)
    try await follow(configuration) { verifier in
      nonisolated(unsafe) let connection = try database.connect()
      nonisolated(unsafe) var workload = MovementWorkload(seed: 7)
      let writer = Background { _ in
        try connection.execute(workload.transaction())
        pause(milliseconds: 20)
      }
      var sum = ViewVerifier.Report()
      // Most rows change while they are asked for: as often as it takes.
      try wait("rows compared") {
        let report = try verify(verifier, database, rows: 20)
        sum.checked += report.checked
        sum.skipped += report.skipped
        sum.differences += report.differences
        return sum.checked > 50
      }
      try writer.stop()
      print("compared \(sum.checked), changed meanwhile \(sum.skipped)")
      #expect(sum.differences == [] && sum.checked > 50)
    }
  }

  /// The table leaves the publication for one update, faster than the catalogs are looked at: the log does not tell of it.
  @Test func aRowThatDiffersIsFound() async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE goods (id int PRIMARY KEY, units int, name text);
      INSERT INTO goods SELECT i, i, 'it''s ' || i FROM generate_series(1, 50) i;
      CREATE VIEW shown AS SELECT id, units, name FROM goods;
      """)
    let configuration = try database.prepared(["shown"])
    try await follow(configuration) { verifier in
      let right = try verify(verifier, database, rows: 1_000)
      #expect(right.checked == 50 && right.differences == [], "\(right)")
      try database.run(
        """
        ALTER PUBLICATION onhand SET (publish = 'insert');
        UPDATE goods SET units = 0 WHERE id = 7;
        ALTER PUBLICATION onhand SET (publish = 'insert, update, delete, truncate')
        """)
      let wrong = try verify(verifier, database, rows: 1_000)
      #expect(wrong.checked == 50 && wrong.differences.count == 1, "\(wrong)")
      #expect(wrong.differences.first?.contains(#"served {"id":7,"units":7"#) ?? false)
    }
  }

  @Test(arguments: [
    (#"{"a":1.50}"#, #"{"a":1.5}"#, true), (#"{"a":0.1}"#, #"{"a":0.10000000000000001}"#, true),
    (#"{"a":1}"#, #"{"a":2}"#, false), (#"{"a":"1"}"#, #"{"a":1}"#, false),
    (#"{"a":null}"#, #"{"a":null}"#, true), (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, false),
    (#"{"a":true}"#, #"{"a":false}"#, false),
  ])
  func rowsAreComparedByValue(served: String, row: String, isEqual: Bool) {
    #expect(ViewVerifier.isEqual(served, row) == isEqual)
    #expect(!ViewVerifier.isEqual(served, nil))
  }
}

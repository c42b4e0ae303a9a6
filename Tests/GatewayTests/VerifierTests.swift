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
  func follow(
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

  func verify(
    _ verifier: ViewVerifier, _ database: TestDatabase, rows: Int,
    _ sides: [ViewVerifier.Side] = ViewVerifier.Side.allCases
  ) throws -> ViewVerifier.Report {
    let connection = try PostgresConnection(database.conninfo)
    var random = SeededRandom()
    var sum = ViewVerifier.Report()
    for view in verifier.store.gate.visible.views.views {
      for side in sides {
        let report = try verifier.check(view, side, count: rows, connection, using: &random)
        sum.checked += report.checked
        sum.skipped += report.skipped
        sum.differences += report.differences
      }
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

  /// Something that the log does not tell of, and how it looks from the sides that can see it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let statement: String
    /// What the publication still tells of meanwhile.
    let published: String
    let difference: String
    let sides: [ViewVerifier.Side]

    static let all = [
      Fault(
        testDescription: "a number wrong", statement: "UPDATE goods SET units = 0 WHERE id = 7",
        published: "insert", difference: #"served {"id":7,"units":7"#,
        sides: [.served, .database]),
      Fault(
        testDescription: "a row too many", statement: "DELETE FROM goods WHERE id = 7",
        published: "insert", difference: "the database has no such row", sides: [.served]),
      Fault(
        testDescription: "a row lost", statement: "INSERT INTO goods VALUES (51, 7, 'new')",
        published: "update", difference: "served no such row", sides: [.database]),
    ]

    /// Faster than the catalogs are looked at.
    var sql: String {
      """
      ALTER PUBLICATION onhand SET (publish = '\(published)');
      \(statement);
      ALTER PUBLICATION onhand SET (publish = 'insert, update, delete, truncate')
      """
    }
  }

  private static let goods = """
    CREATE TABLE goods (id int PRIMARY KEY, units int, name text);
    INSERT INTO goods SELECT i, i, 'it''s ' || i FROM generate_series(1, 50) i;
    CREATE VIEW shown AS SELECT id, units, name FROM goods;
    """

  @Test(arguments: Fault.all)
  func whatIsWrongIsFound(fault: Fault) async throws {
    let database = try TestCluster.database(Self.goods)
    let configuration = try database.prepared(["shown"])
    try await follow(configuration) { verifier in
      let right = try verify(verifier, database, rows: 1_000)
      #expect(right.checked == 100 && right.differences == [], "\(right)")
      try database.run(fault.sql)
      for side in ViewVerifier.Side.allCases {
        let report = try verify(verifier, database, rows: 1_000, [side])
        let isSeen = fault.sides.contains(side)
        #expect(report.differences.count == (isSeen ? 1 : 0), "\(side): \(report)")
        #expect(!isSeen || report.differences[0].contains(fault.difference), "\(report)")
      }
    }
  }

  /// By the process that serves, without being asked: the metric has to leave 0.
  @Test(arguments: Fault.all)
  func theSamplerFindsWhatIsWrong(fault: Fault) async throws {
    let database = try TestCluster.database(
      Self.goods + "DELETE FROM goods WHERE id NOT IN (7, 8);")
    let configuration = try database.prepared(["shown"])
    try await TestService.run(configuration) { service in
      #expect(try service.metric("onhand_verify_differences_total") == 0)
      try database.run(fault.sql)
      try wait("the difference") { try service.metric("onhand_verify_differences_total") > 0 }
    }
  }

  /// Rows that come and go all the time are no difference.
  @Test func rowsThatComeAndGoAreNoDifference() async throws {
    let database = try TestCluster.database(Self.goods)
    let configuration = try database.prepared(["shown"])
    try await follow(configuration) { verifier in
      nonisolated(unsafe) let connection = try database.connect()
      let writer = Background { round in
        let id = round % 50 + 1
        try connection.execute("DELETE FROM goods WHERE id = \(id)")
        try connection.execute("INSERT INTO goods VALUES (\(id), \(round), '')")
      }
      var sum = ViewVerifier.Report()
      for _ in 0..<20 {
        let report = try verify(verifier, database, rows: 50)
        sum.checked += report.checked
        sum.skipped += report.skipped
        sum.differences += report.differences
      }
      let rounds = try writer.stop()
      print("compared \(sum.checked), changed meanwhile \(sum.skipped) in \(rounds) rounds")
      #expect(sum.differences == [])
      #expect(sum.checked > 0)
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

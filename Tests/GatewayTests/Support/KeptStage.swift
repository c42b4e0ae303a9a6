import Foundation
import TestSupport
import Testing

@testable import Gateway

/// A database, and what an instance keeps of it.
struct KeptStage {
  private static let schema = """
    CREATE TABLE place (id int PRIMARY KEY, name text);
    INSERT INTO place SELECT i, 'place ' || i FROM generate_series(1, 5) i;
    CREATE TABLE moved (item int, place int, units int);
    ALTER TABLE moved REPLICA IDENTITY FULL;
    INSERT INTO moved SELECT i % 30, 1 + i % 5, i % 7 FROM generate_series(1, 500) i;
    CREATE VIEW stock AS
      SELECT m.item, p.id AS place, p.name, sum(m.units) AS units, max(m.units) AS most,
        count(DISTINCT m.units) AS kinds
      FROM moved m JOIN place p ON p.id = m.place GROUP BY m.item, p.id, p.name;
    CREATE VIEW low AS SELECT item, place, units FROM stock WHERE units < 20;
    """

  let database: TestDatabase
  let folder: KeptFolder
  var configuration: Configuration
  var views = ["stock", "low"]

  init(cluster: PrivateCluster? = nil, appendOnly: [String] = []) throws {
    database =
      try cluster.map { try TestDatabase(on: $0, name: "shop", Self.schema) }
      ?? TestCluster.database(Self.schema)
    folder = KeptFolder(database)
    configuration = try database.prepared(["stock", "low"], appendOnly: appendOnly)
    configuration.dataDirectory = folder.path
    configuration.slot = folder.slot
  }

  func change(_ random: inout SeededRandom, _ count: Int = 20) throws {
    let connection = try database.connect()
    for _ in 0..<count {
      let (item, place) = (random.number(0...35), random.number(1...5))
      switch random.number(0...4) {
      case 0: try connection.execute("DELETE FROM moved WHERE item = \(item)")
      case 1: try connection.execute("UPDATE place SET name = name || '.' WHERE id = \(place)")
      case 2:
        try connection.execute(
          "UPDATE moved SET units = units + 1 WHERE item = \(item) AND place = \(place)")
      default:
        try connection.execute(
          """
          INSERT INTO moved SELECT \(item), \(place), i FROM generate_series(1, \(random.number(1...4))) i
          """)
      }
    }
  }

  /// Runs a process to its end, with `body` once it follows the log.
  @discardableResult
  func run(_ body: (TestService) async throws -> Void = { _ in }) async throws -> RecordedLog {
    let log = RecordedLog()
    try await TestService.run(configuration, logger: log.logger) { service in
      try service.waitUntilStreaming()
      try ViewOracle(connection: database.connect(), views: views).expectEqual(service, "start")
      try await body(service)
      try ViewOracle(connection: database.connect(), views: views).expectEqual(service, "end")
    }
    return log
  }

  /// Looks whether the next process goes on from what the last one kept.
  func expectKept(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let log = try await run()
    #expect(log.has("resuming"), "\(log.all)", sourceLocation: sourceLocation)
  }

  var checkpoint: URL { URL(fileURLWithPath: folder.path + "/checkpoint") }

  /// The files of the change log, the oldest first.
  var segments: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .filter { $0.hasPrefix("log-") }.sorted().map { "\(folder.path)/\($0)" }
    }
  }
}

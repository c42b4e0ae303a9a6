import Capture
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// `kill -9` at random moments under load: what clients have is at each position what the database had there.
@Suite(.serialized)
struct KillTests {
  /// Items and their units; item 0 counts the transactions, so that a state names itself.
  private typealias State = [Int: Int]

  /// One transaction after another, each known before it is committed.
  ///
  /// One thread transacts, any may ask for states.
  private final class Load: @unchecked Sendable {
    private let states: Mutex<[State]>
    private let connection: PostgresConnection
    private var random: SeededRandom

    init(_ connection: PostgresConnection, seed: UInt64) {
      states = Mutex([[0: 0].merging((1...20).map { ($0, 100) }) { $1 }])
      self.connection = connection
      random = SeededRandom(seed: seed)
    }

    func round() throws {
      for _ in 0..<random.number(0...30) { try transact() }
      usleep(UInt32(random.number(0...20_000)))
    }

    func state(_ number: Int) -> State? {
      states.withLock { $0.indices.contains(number) ? $0[number] : nil }
    }

    var count: Int { states.withLock { $0.count } }

    /// Moves units between items, which come, go and come back as they were.
    private func transact() throws {
      let before = states.withLock { $0[$0.count - 1] }
      var after = before
      after[0] = (before[0] ?? 0) + 1
      for _ in 0...random.number(0...3) {
        let item = random.number(1...20)
        after[item] = random.oneIn(4) ? nil : random.pick([1, 2, 3])
      }
      states.withLock { $0.append(after) }
      var sql = "BEGIN;"
      for item in Set(before.keys).union(after.keys).sorted() where before[item] != after[item] {
        switch (before[item], after[item]) {
        case (nil, let new?): sql += "INSERT INTO stock VALUES (\(item), \(new));"
        case (_?, let new?): sql += "UPDATE stock SET units = \(new) WHERE item = \(item);"
        default: sql += "DELETE FROM stock WHERE item = \(item);"
        }
      }
      try connection.execute(sql + "COMMIT")
    }
  }

  /// A client that keeps rows by following changes, over all kills.
  private struct Follower {
    let load: Load
    var rows: State = [:]
    var position: String?
    var (pages, resumes, resyncs) = (0, 0, 0)
    private var isBack = false

    init(_ load: Load) { self.load = load }

    mutating func comeBack() { isBack = true }

    /// - Parameter limit: changes of a page; few, so that many pages end in the midst of what was told.
    mutating func step(_ client: HTTPClient, limit: Int = 3) throws {
      guard let position else { return try read(client) }
      let answer = try client.get(
        "/v1/views/live/changes?after=\(position)&limit=\(limit)&wait=100ms")
      switch answer.status {
      case 410:
        resyncs += 1
        self.position = nil
      case 503, 504: pause(milliseconds: 10)
      case 200: try take(answer.body, from: position)
      default: Issue.record("\(answer.status) \(answer.body)")
      }
    }

    private mutating func read(_ client: HTTPClient) throws {
      let answer = try client.get("/v1/views/live/rows?limit=1000")
      guard answer.status == 200 else { return pause(milliseconds: 10) }
      let body = try Self.object(answer.body)
      rows = [:]
      for row in body["rows"] as? [[String: Any]] ?? [] { set(row) }
      position = body["position"] as? String
      isBack = false
      try check("read at \(position ?? "")")
    }

    private mutating func take(_ text: String, from: String) throws {
      let page = try Self.object(text)
      try #require(page["previous"] as? String == from)
      for change in page["changes"] as? [[String: Any]] ?? [] {
        if let row = change["row"] as? [String: Any] {
          set(row)
        } else if let key = change["key"] as? [String: Any], let item = key["item"] as? Int {
          rows[item] = nil
        }
      }
      position = page["position"] as? String
      pages += 1
      if isBack { resumes += 1 }
      isBack = false
      try check("from \(from) to \(position ?? "")")
    }

    private mutating func set(_ row: [String: Any]) {
      if let item = row["item"] as? Int { rows[item] = row["units"] as? Int }
    }

    private func check(_ place: String) throws {
      let number = try #require(rows[0], "\(place)")
      try #require(load.state(number) == rows, "transaction \(number), \(place)")
    }

    private static func object(_ text: String) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
  }

  private static let kills = KillCount.asked(orElse: 12)

  @Test func clientsAreExactWhateverIsKilled() throws {
    var random = SeededRandom()
    let database = try TestCluster.database(
      """
      CREATE TABLE stock (item int PRIMARY KEY, units int);
      INSERT INTO stock SELECT i, CASE i WHEN 0 THEN 0 ELSE 100 END FROM generate_series(0, 20) i;
      CREATE VIEW live AS SELECT item, units FROM stock;
      CREATE VIEW totals AS SELECT units, count(*) AS items, max(item) AS last, sum(item) AS sum
        FROM stock WHERE item > 0 GROUP BY units;
      """)
    let views = ["live", "totals"]
    let configuration = try database.prepared(views)
    let folder = KeptFolder(database)
    let log = folder.path + ".log"
    defer { try? FileManager.default.removeItem(atPath: log) }
    let load = Load(try database.connect(), seed: random.next())
    let background = Background { _ in try load.round() }
    defer { _ = try? background.stop() }
    var follower = Follower(load)
    for _ in 0..<Self.kills {
      let server = try ServeProcess(
        database: configuration.database, views: views, folder: folder, log: log,
        checkpoint: "{time: \(random.number(1...3))s}")
      defer { server.kill() }
      let client = try server.connect()
      follower.comeBack()
      let end = ContinuousClock.now + .milliseconds(random.number(50...2_500))
      while ContinuousClock.now < end { try follower.step(client) }
    }
    try background.stop()
    let server = try ServeProcess(
      database: configuration.database, views: views, folder: folder, log: log)
    defer { server.kill() }
    let client = try server.connect()
    let last = load.count - 1
    // Whoever is killed often enough has much to take in again.
    try wait("the end", within: .seconds(300)) {
      try follower.step(client, limit: 1_000)
      return follower.rows[0] == last
    }
    try Self.expectEqual(client, database, views)
    server.kill()
    let steps = try LogAudit.countSteps(folder.path)
    print(
      "\(Self.kills) kills, \(last) transactions, \(follower.pages) pages, \(follower.resumes) resumed, "
        + "\(follower.resyncs) resynced, \(steps) steps in the log")
    #expect(follower.resumes > 0)
    let rules = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    #expect(rules.contains("state_restored") && rules.contains("resuming"))
    // Snapshots are for those that were killed before there was a checkpoint.
    let later = rules.range(of: "resuming").map { rules[$0.upperBound...] } ?? ""
    #expect(!later.contains("checkpoint_missing") && !later.contains("slot_made_anew"))
    #expect(!rules.contains("checkpoint_failed_before"))
    #expect(!rules.contains("checkpoint_damaged") && !rules.contains("log_damaged"))
    #expect(!rules.contains("log_does_not_fit") && !rules.contains("checkpoint_behind_log"))
  }

  private static func expectEqual(
    _ client: HTTPClient, _ database: TestDatabase, _ views: [String]
  ) throws {
    let (lsn, wanted) = try ViewOracle(connection: database.connect(), views: views).rows()
    for view in views {
      let answer = try client.get(
        "/v1/views/\(view)/rows?limit=10000&wait=30s&min_position=\(lsn)")
      try #require(answer.status == 200, "\(answer.body)")
      #expect(JSONRows.split(answer.body).sorted() == wanted[view], "\(view)")
    }
  }

  /// Rows that share a configured key are in no row of the log but the one that is shown; all the same it is known which they are.
  @Test func rowsThatShareAKeyAreKnownWhateverIsKilled() throws {
    var random = SeededRandom()
    let database = try TestCluster.database(
      """
      CREATE TABLE named (id int PRIMARY KEY, name text, n int);
      INSERT INTO named SELECT i, 'n' || i, i FROM generate_series(1, 12) i;
      CREATE VIEW names AS SELECT name, n FROM named;
      """)
    let configuration = try database.prepared([.init(name: "names", key: ["name"])])
    let folder = KeptFolder(database)
    let log = folder.path + ".log"
    defer {
      try? FileManager.default.removeItem(atPath: log)
      try? FileManager.default.removeItem(atPath: log + ".yaml")
    }
    func rules() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    let connection = try database.connect()
    for round in 0..<8 {
      let server = try ServeProcess(
        database: configuration.database, views: [], folder: folder, log: log,
        checkpoint: "{time: \(random.oneIn(2) ? 1 : 300)s}",
        yaml: "views: [{name: names, key: [name]}]")
      defer { server.kill() }
      let client = try server.connect()
      try Self.expectShared(client, database, "start \(round)")
      for _ in 0..<25 {
        let (id, name) = (random.number(1...12), random.number(1...16))
        switch random.number(0...2) {
        case 0: try connection.execute("DELETE FROM named WHERE id = \(id)")
        case 1:
          try connection.execute(
            """
            INSERT INTO named VALUES (\(id), 'n\(name)', \(random.number(1...3)))
            ON CONFLICT (id) DO UPDATE SET n = excluded.n
            """)
        default: try connection.execute("UPDATE named SET name = 'n\(name)' WHERE id = \(id)")
        }
      }
      if round.isMultiple(of: 3) {
        try connection.execute("UPDATE named SET name = 'n' || id")
      }
      try Self.expectShared(client, database, "round \(round)")
      // Or all may be killed before there is one.
      if round == 0 { try wait("a checkpoint") { rules().contains(" checkpoint ") } }
      if random.oneIn(2) { usleep(UInt32(random.number(0...1_500_000))) }
    }
    #expect(rules().contains("resuming"))
    #expect(!rules().contains("checkpoint_failed_before"))
  }

  private static func expectShared(
    _ client: HTTPClient, _ database: TestDatabase, _ place: String
  ) throws {
    let connection = try database.connect()
    let count = try connection.execute(
      "SELECT count(*) FROM (SELECT FROM named GROUP BY name HAVING count(*) > 1) s")[0][0]
    let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
    try wait("the log \(place)") {
      // Before that, what was published last is served.
      guard try client.get("/readyz").body.contains(#""capture":"streaming""#) else { return false }
      return try client.get("/v1/views/names?min_position=\(lsn)&wait=10s").status != 504
    }
    let answer = try client.get("/v1/views/names/rows?limit=100")
    guard count == "0" else {
      let problem = "\(count ?? "") keys are shared"
      try #require(answer.body.contains(problem), "\(place) \(answer.body)")
      return
    }
    let wanted = try connection.execute("SELECT to_json(v)::text FROM names v").map { $0[0] ?? "" }
    try #require(answer.status == 200, "\(place) \(answer.body)")
    try #require(JSONRows.split(answer.body).sorted() == wanted.sorted(), "\(place)")
  }
}

import Capture
import Gateway
import Testing

/// From a server with default settings to a working service, by nothing but what `onhand doctor` says.
@Suite(.serialized)
struct DoctorTests {
  private static let schema = """
    CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE facts (n int, q int);
    INSERT INTO facts SELECT i % 4, i FROM generate_series(1, 40) i;
    CREATE VIEW v AS SELECT n, sum(q) AS s FROM facts GROUP BY n;
    CREATE VIEW w AS SELECT id, n FROM t;
    CREATE VIEW ranked AS SELECT id, rank() OVER (ORDER BY n) FROM t;
    """

  @Test func reportFollowedLineByLineEndsInAWorkingService() async throws {
    let cluster = try TestCluster.template().makeCluster()
    var settings = ["wal_level=replica", "max_replication_slots=1", "max_wal_senders=2"]
    try cluster.start(settings: settings)
    let database = try TestDatabase(on: cluster, name: "shop", Self.schema)
    try database.run(
      """
      CREATE ROLE shopkeeper LOGIN; ALTER TABLE facts OWNER TO shopkeeper;
      GRANT CREATE ON DATABASE shop TO shopkeeper; GRANT SELECT ON t TO shopkeeper;
      REVOKE USAGE ON SCHEMA public FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      ALTER TABLE t OWNER TO shopkeeper; REVOKE SELECT ON t FROM shopkeeper;
      SELECT pg_create_physical_replication_slot('forgotten')
      """)
    var configuration = Configuration()
    configuration.database = database.conninfo + " user=shopkeeper"
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    configuration.views = [.init(name: "v"), .init(name: "w")]

    var seen: [String] = []
    for _ in 0..<8 {
      let problems = Doctor.examine(configuration.capture).filter { $0.level == .problem }
      seen += problems.map(\.text)
      if problems.isEmpty { break }
      var mustRestart = false
      for problem in problems {
        switch try #require(problem.remedy, "\(problem.text)") {
        case .sql(let statements): for statement in statements { try database.run(statement) }
        case .setting(let name, let value):
          settings.append("\(name)=\(value)")
          mustRestart = true
        case .initialise:
          let initializer = try Initializer(configuration.capture)
          try initializer.run(initializer.statements())
        case .advice(let text): Issue.record("nothing to run: \(problem.text): \(text)")
        }
      }
      if mustRestart {
        try cluster.stop()
        try cluster.start(settings: settings)
      }
    }
    #expect(Doctor.examine(configuration.capture).allSatisfy { $0.level != .problem })
    for expected in [
      "wal_level", "slots are taken; nobody reads forgotten", "may not replicate", "may not read",
      "not yet run",
    ] {
      #expect(seen.contains { $0.contains(expected) }, "\(expected) not among \(seen)")
    }
    try await TestService.run(configuration) { service in
      try database.run("INSERT INTO facts VALUES (1, 5); INSERT INTO t VALUES (1, 1)")
      try ViewOracle(connection: database.connect(), views: ["v", "w"])
        .expectEqual(service, "as the doctor left it")
    }
    try cluster.remove()
  }

  @Test func unreachableDatabaseIsAProblem() {
    let findings = Doctor.examine(
      CaptureConfiguration(conninfo: "host=/nowhere dbname=shop", views: []))
    #expect(findings.count == 1 && findings[0].level == .problem)
  }

  @Test func viewThatCanNotBeLiveIsAProblemWhereItIsConfigured() throws {
    let database = try TestCluster.database(Self.schema)
    var configuration = CaptureConfiguration(
      conninfo: database.conninfo, views: [.init(name: "ranked")])
    let configured = Doctor.examine(configuration).filter { $0.text.contains("ranked") }
    #expect(configured.map(\.level) == [.problem])
    #expect(configured[0].text.contains("window function"))
    configuration.views = []
    let found = Doctor.examine(configuration).filter { $0.text.contains("view ") }
    #expect(found.count == 3)
    #expect(found.filter { $0.text.contains("ranked") }.map(\.level) == [.note])
  }

  @Test func surveyTellsWhatCanBeServedNowAndAfterInit() throws {
    let database = try TestCluster.database(Self.schema)
    let configuration = CaptureConfiguration(conninfo: database.conninfo, views: [])
    let before = try ViewSurvey(configuration)
    #expect(before.servable.isEmpty)
    #expect(before.preparable.map(\.name) == ["public.v", "public.w"])
    #expect(before.statements.contains { $0.hasPrefix("CREATE PUBLICATION") })
    var prepared = configuration
    prepared.views = before.preparable
    let initializer = try Initializer(prepared)
    try initializer.run(initializer.statements())
    let after = try ViewSurvey(configuration)
    #expect(after.servable.map(\.name) == ["public.v", "public.w"])
    #expect(after.statements.isEmpty)
  }
}

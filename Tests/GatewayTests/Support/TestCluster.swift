import Capture
import Gateway
import Synchronization

/// The Postgres that all tests of a run share, and databases on it.
///
/// It goes when the process ends, in whatever way.
enum TestCluster {
  private static let started = Result<PrivateCluster, any Error> {
    let cluster = try template().makeCluster()
    // Slots stay as long as the folders of instances do.
    try cluster.start(settings: ["max_replication_slots=40", "max_wal_senders=40"])
    return cluster
  }
  private static let sharedTemplate = Result<ClusterTemplate, any Error> {
    try ClusterTemplate(ServerPrograms())
  }
  private static let databases = Atomic<Int>(0)

  static func shared() throws -> PrivateCluster { try started.get() }

  /// Makes clusters for tests that harm theirs.
  static func template() throws -> ClusterTemplate { try sharedTemplate.get() }

  /// Runs `body` with a server of its own, for what would harm the shared one. What `body` made goes before the server does.
  static func withCluster(_ body: (PrivateCluster) async throws -> Void) async throws {
    let cluster = try template().makeCluster()
    do {
      try cluster.start()
      try await body(cluster)
    } catch {
      try? cluster.remove()
      throw error
    }
    try cluster.remove()
  }

  /// A new database with `sql` run in it.
  static func database(_ sql: String) throws -> TestDatabase {
    try TestDatabase(on: shared(), name: newName(), sql)
  }

  static func newName() -> String {
    "test_\(databases.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}

/// One database for one test.
struct TestDatabase {
  let conninfo: String

  init(on cluster: PrivateCluster, name: String, _ sql: String) throws {
    conninfo = try cluster.createDatabase(name)
    try run(sql)
  }

  func connect() throws -> PostgresConnection {
    let connection = try PostgresConnection(conninfo)
    try connection.execute("SET search_path = public")
    return connection
  }

  @discardableResult
  func run(_ sql: String) throws -> [[String?]] { try connect().execute(sql) }

  /// A configuration that serves `views`, prepared as `onhand init` does.
  func prepared(_ views: [CaptureConfiguration.View], appendOnly: [String] = []) throws
    -> Configuration
  {
    var configuration = Configuration()
    configuration.database = conninfo
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    configuration.workers = 2
    configuration.views = views
    configuration.appendOnly = appendOnly
    let initializer = try Initializer(configuration.capture)
    try initializer.run(initializer.statements())
    return configuration
  }

  func prepared(_ views: [String], appendOnly: [String] = []) throws -> Configuration {
    try prepared(views.map { CaptureConfiguration.View(name: $0) }, appendOnly: appendOnly)
  }
}

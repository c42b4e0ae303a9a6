import Capture
import FoundationEssentials
import Glibc
import Synchronization

/// A PostgreSQL server of our own, in a temporary folder, reached through a socket in that folder.
///
/// Made by ``ClusterTemplate``. The folder's mode keeps other accounts out, so the server trusts whoever gets in. Calls
/// block until the server has done what they say, within bounds; one thread at a time drives a cluster.
package final class PrivateCluster: Sendable {
  package let folder: String
  private let programs: ServerPrograms
  private let server = Mutex<ChildProcess?>(nil)

  init(folder: String, _ programs: ServerPrograms) {
    self.folder = folder
    self.programs = programs
  }

  // MARK: Lifecycle

  /// Starts the server, unless it runs, and waits until it accepts connections.
  ///
  /// - Parameter settings: as `name=value`, over those that every cluster has.
  package func start(settings: [String] = []) throws(ClusterError) {
    if let server = server.withLock({ $0 }), server.wait(.zero) == nil { return }
    let server = try ChildProcess(
      programs.command(
        "postgres",
        ["-D", data, "-k", folder, "-p", Self.port]
          + (Self.settings + settings).flatMap { ["-c", $0] }),
      environment: Self.environment, log: log)
    self.server.withLock { $0 = server }
    let end = ContinuousClock.now + Self.startMax
    while !isReady(server.id) {
      guard server.wait(.milliseconds(10)) == nil, .now < end else {
        throw .serverDidNotStart(logTail: Self.tail(of: log))
      }
    }
  }

  /// Ends the server: sessions are cut, and committed work is in the data folder.
  ///
  /// - Parameter immediately: ends it as a crash would, with recovery at the next start. An orderly stop waits until every
  ///   replication client has taken what was written; a client that is paused holds it up.
  package func stop(immediately: Bool = false) throws(ClusterError) {
    try end(immediately ? SIGQUIT : SIGINT)
  }

  /// Ends the server with SIGKILL, and waits until its processes have noticed and ended too.
  package func kill() throws(ClusterError) { try end(SIGKILL) }

  /// Ends the server at once and removes the folder.
  package func remove() throws(ClusterError) {
    try FolderKeeper(folder, programs).release()
    // Collects the process that the keeper has ended.
    if let server = server.withLock({ $0.take() }) { _ = server.wait(.zero) }
  }

  private func end(_ signal: Int32) throws(ClusterError) {
    guard let server = server.withLock({ $0 }) else { return }
    server.signal(signal)
    guard server.wait(Self.stopMax) != nil else {
      throw .serverDidNotStop(logTail: Self.tail(of: log))
    }
    self.server.withLock { $0 = nil }
  }

  // MARK: Use

  /// A connection string for one of its databases, as its superuser.
  package func conninfo(database: String = "postgres") -> String {
    "host=\(Self.quote(folder)) port=\(Self.port) user=postgres dbname=\(Self.quote(database))"
  }

  /// Makes a database and returns its connection string.
  @discardableResult
  package func createDatabase(_ name: String) throws(PostgresError) -> String {
    try run("CREATE DATABASE \(PostgresConnection.quote(name))")
    return conninfo(database: name)
  }

  /// Runs SQL in a session of its own, with unqualified names meaning schema `public`, and returns the rows.
  @discardableResult
  package func run(_ sql: String, database: String = "postgres") throws(PostgresError)
    -> [[String?]]
  {
    let connection = try PostgresConnection(conninfo(database: database))
    try connection.execute("SET search_path = public")
    return try connection.execute(sql)
  }

  // MARK: Private

  /// Reached through the socket in its folder only, and nothing needs to survive a crash of the machine.
  private static let settings = [
    "listen_addresses=", "wal_level=logical", "max_wal_senders=10", "max_replication_slots=10",
    "max_connections=50", "shared_buffers=32MB", "fsync=off", "full_page_writes=off",
    // In the data folder, so that a killed server leaves no file elsewhere.
    "dynamic_shared_memory_type=mmap",
  ]
  /// Only names the socket: the folder is the cluster's own.
  private static let port = "5432"
  /// Long enough for recovery on a busy machine.
  private static let startMax = Duration.seconds(60)
  private static let stopMax = Duration.seconds(60)
  private static let commandMax = Duration.seconds(120)

  private var data: String { "\(folder)/data" }
  private var log: String { "\(folder)/log" }

  /// A value as a connection string takes it, whatever is in it.
  private static func quote(_ value: String) -> String {
    "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }

  /// Lines 1 and 8 of `postmaster.pid` are the server's process, which a killed one leaves there, and its state, padded
  /// with blanks; `pg_ctl` waits for the same.
  private func isReady(_ process: Int32) -> Bool {
    guard let text = try? String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8) else {
      return false
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > 7 && lines[0] == "\(process)" && lines[7].hasPrefix("ready")
  }

  /// Ours, without what would point the server or its programs elsewhere.
  static var environment: [String: String] {
    ProcessInfo.processInfo.environment
      .filter { !["PG", "LC_", "LANG"].contains(where: $0.key.hasPrefix) }
      .merging(["LC_ALL": "C", "TZ": "UTC"]) { $1 }
  }

  /// Runs a program to its end.
  static func run(_ command: [String], log: String) throws(ClusterError) {
    let process = try ChildProcess(command, environment: environment, log: log)
    guard process.wait(commandMax) == .exited(0) else {
      process.signal(SIGKILL)
      throw .commandFailed(command: command, logTail: tail(of: log))
    }
  }

  private static func tail(of log: String) -> String {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}

import Capture
import Dispatch
import Engine
import Glibc
import Logging
import Runtime

/// The connection that one of several instances holds the duty of delivering with, and writes progress over.
///
/// The duty is a session advisory lock taken on this connection: who loses the connection loses both, and can write
/// nothing any more that a successor would not know of. Its queue may block on the database; the deliveries' own does not.
actor DutyDesk: QueueConfined {
  enum Event: Sendable {
    /// It is ours from now on, until ``lost``.
    case gained([WebhookEndpoint], [String: EndpointRecord])
    /// An endpoint was added, altered or taken away; told to those without the duty, too.
    case endpoints([WebhookEndpoint])
    case askedFor([AskedForDelivery])
    case lost
  }

  nonisolated let executor = QueueExecutor(label: "onhand.webhooks.duty")
  private let conninfo: String
  private let stop = StopFlag()
  private let logger: Logger
  private let tell: @Sendable (Event) -> Void
  private var session: Session?
  private var timer: (any DispatchSourceTimer)?
  private var lookAt = DispatchTime.now()
  private var retrySeconds = DutyDesk.retrySecondsMin

  private struct Session {
    let tables: EndpointTables
    let source: any DispatchSourceRead
    var hasTables = false
    var isHolder = false
    var version: String?
  }

  /// `onhand`, then which duty: advisory locks of a database share one space of numbers.
  private static let lockNumber: Int64 = 0x6F6E_6861_6E64_0001
  /// How soon a change of an endpoint is seen, and a duty that became free is taken.
  private static let lookInterval = DispatchTimeInterval.milliseconds(200)
  private static let retrySecondsMin = 1
  private static let retrySecondsMax = 30
  /// How soon it is seen that somebody prepared the database.
  private static let tablesInterval = DispatchTimeInterval.seconds(5)
  private static let askedForMax = 100

  init(conninfo: String, logger: Logger, tell: @escaping @Sendable (Event) -> Void) {
    self.conninfo = conninfo
    self.logger = logger
    self.tell = tell
  }

  nonisolated func start() { post { $0.startTimer() } }

  nonisolated func end(_ completion: @escaping @Sendable () -> Void) {
    stop.set()
    post { desk in
      desk.timer?.cancel()
      desk.timer = nil
      desk.endSession()
      completion()
    }
  }

  private func startTimer() {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(
      deadline: .now(), repeating: Self.lookInterval, leeway: .milliseconds(20))
    timer.setEventHandler { self.assumeIsolated { $0.look() } }
    timer.activate()
    self.timer = timer
  }

  // MARK: The session

  private func look() {
    guard !stop.isSet, DispatchTime.now() >= lookAt else { return }
    do throws(PostgresError) {
      if session == nil { try connect() }
      try lookAround()
      retrySeconds = Self.retrySecondsMin
    } catch {
      fail(error)
    }
  }

  private func connect() throws(PostgresError) {
    let connection = try PostgresConnection(conninfo, stop: stop)
    // A server that crashes may forget the last moments, which are then sent again.
    try connection.execute("SET synchronous_commit = off")
    // A descriptor of our own: libpq closes its own when the server has gone, and the number may be another's before the
    // source lets go of it.
    let watched = dup(connection.socket)
    guard watched >= 0 else { throw PostgresError(.connection, "no descriptor is left") }
    let source = DispatchSource.makeReadSource(fileDescriptor: watched, queue: executor.queue)
    source.setEventHandler { self.assumeIsolated { $0.listen() } }
    source.setCancelHandler { close(watched) }
    session = Session(tables: EndpointTables(connection: connection), source: source)
    source.activate()
  }

  /// Between statements the server says nothing but farewell.
  private func listen() {
    do throws(PostgresError) {
      try session?.tables.connection.consume()
    } catch {
      fail(error)
    }
  }

  private func lookAround() throws(PostgresError) {
    guard var session else { return }
    if !session.hasTables {
      guard try session.tables.exist() else {
        lookAt = .now() + Self.tablesInterval
        return
      }
      session.hasTables = true
    }
    let version = try session.tables.version()
    let hasNews = version != session.version
    session.version = version
    if !session.isHolder, try takeLock(session.tables.connection) {
      session.isHolder = true
      self.session = session
      logger.info("webhooks_duty_taken")
      tell(.gained(try session.tables.endpoints(), try session.tables.records()))
    } else {
      self.session = session
      if hasNews { tell(.endpoints(try session.tables.endpoints())) }
    }
    if session.isHolder, hasNews {
      let askedFor = try session.tables.takeAskedFor(max: Self.askedForMax)
      if !askedFor.isEmpty { tell(.askedFor(askedFor)) }
    }
  }

  private func takeLock(_ connection: PostgresConnection) throws(PostgresError) -> Bool {
    try connection.query("SELECT pg_try_advisory_lock($1)", [String(Self.lockNumber)])[0][0] == "t"
  }

  private func fail(_ error: PostgresError) {
    guard !stop.isSet else { return }
    logger.warning("webhooks_database_lost", metadata: ["reason": "\(error)"])
    lookAt = .now() + .seconds(retrySeconds)
    retrySeconds = min(2 * retrySeconds, Self.retrySecondsMax)
    endSession()
  }

  private func endSession() {
    guard let session else { return }
    session.source.cancel()
    self.session = nil
    if session.isHolder { tell(.lost) }
  }

  // MARK: Writing

  /// Does `body` with the tables if the duty is ours; `completion` hears on this queue whether it was done.
  nonisolated func write(
    _ body: @escaping @Sendable (EndpointTables) throws(PostgresError) -> Void,
    _ completion: @escaping @Sendable (Bool) -> Void = { _ in }
  ) {
    post { desk in
      guard let session = desk.session, session.isHolder else { return completion(false) }
      do throws(PostgresError) {
        try body(session.tables)
        completion(true)
      } catch {
        completion(false)
        // A refused statement need not be the connection's end, but what it left behind is not known.
        desk.fail(error)
      }
    }
  }
}

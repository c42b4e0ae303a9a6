import Capture
import Dispatch
import Engine
import Logging
import Runtime

/// Something that is asked about endpoints.
package enum EndpointCommand: Sendable {
  case list
  case show(String)
  case add(WebhookEndpoint)
  /// The closure alters the endpoint, or throws what is wrong with that.
  case alter(String, @Sendable (inout WebhookEndpoint) throws -> Void)
  case remove(String)
  case rotateSecret(String, SigningSecret, overlapSeconds: Int)
  case enable(String)
  case deliveries(String, limit: Int)
  case replay(String, after: Position)
  case replayParked(String)
}

package enum EndpointReply: Sendable {
  case endpoints([EndpointState])
  case endpoint(EndpointState)
  /// JSON of each, the newest first.
  case deliveries(attempts: [String], parked: [String])
  case askedFor(Int)
  case removed
  case unknown
  /// What an alteration threw.
  case refused(any Error)
  /// There are ``WebhookEndpoint/countMax`` already.
  case full
  /// `onhand init` did not make the tables.
  case notPrepared
  case databaseFailed
}

/// An endpoint and how it is doing.
package struct EndpointState: Sendable {
  package let endpoint: WebhookEndpoint
  /// Everything up to here is delivered, but for failing keys; nil before anybody began.
  package let cursor: String?
  /// JSON of the instance that delivers; nil before it told.
  package let health: String?
}

/// Answers questions about endpoints, on a queue and a connection of its own, which may block.
package actor EndpointDesk: QueueConfined {
  package nonisolated let executor = QueueExecutor(label: "onhand.webhooks.endpoints")
  private let conninfo: String
  private let stop = StopFlag()
  private let logger: Logger
  private var tables: EndpointTables?

  /// How long a new endpoint is waited for to be taken up, and how often that is looked at.
  private static let startLooks = 40
  private static let startInterval = DispatchTimeInterval.milliseconds(50)

  package init(conninfo: String, logger: Logger) {
    self.conninfo = conninfo
    self.logger = logger
  }

  package nonisolated func end(_ completion: @escaping @Sendable () -> Void) {
    stop.set()
    post { desk in
      desk.tables = nil
      completion()
    }
  }

  /// Calls `completion` on this queue.
  package nonisolated func perform(
    _ command: EndpointCommand, _ completion: @escaping @Sendable (EndpointReply) -> Void
  ) {
    post { desk in
      let reply = desk.reply(to: command)
      guard case .add(let endpoint) = command, case .endpoint = reply else {
        return completion(reply)
      }
      desk.awaitStart(of: endpoint.id, looks: Self.startLooks, completion)
    }
  }

  /// Waits for the endpoint to have a cursor: what commits from then on is delivered.
  private func awaitStart(
    of id: String, looks: Int, _ completion: @escaping @Sendable (EndpointReply) -> Void
  ) {
    let reply = reply(to: .show(id))
    if looks > 0, case .endpoint(let state) = reply, state.cursor == nil {
      executor.queue.asyncAfter(deadline: .now() + Self.startInterval) {
        self.assumeIsolated { $0.awaitStart(of: id, looks: looks - 1, completion) }
      }
      return
    }
    completion(reply)
  }

  private func reply(to command: EndpointCommand) -> EndpointReply {
    do throws(PostgresError) {
      guard let tables = try connected() else { return .notPrepared }
      return try answer(command, tables)
    } catch {
      tables = nil
      if !stop.isSet {
        logger.warning("webhooks_database_failed", metadata: ["reason": "\(error)"])
      }
      return .databaseFailed
    }
  }

  private func connected() throws(PostgresError) -> EndpointTables? {
    if let tables { return tables }
    let fresh = EndpointTables(connection: try PostgresConnection(conninfo, stop: stop))
    guard try fresh.exist() else { return nil }
    tables = fresh
    return fresh
  }

  private func answer(_ command: EndpointCommand, _ tables: EndpointTables) throws(PostgresError)
    -> EndpointReply
  {
    switch command {
    case .list:
      let health = try tables.health()
      let records = try tables.records()
      return .endpoints(
        try tables.endpoints().map { endpoint in
          EndpointState(
            endpoint: endpoint, cursor: records[endpoint.id]?.cursor?.description,
            health: health[endpoint.id])
        })
    case .show(let id): return try show(id, tables)
    case .add(let endpoint):
      guard try tables.add(endpoint) else { return .full }
      return try show(endpoint.id, tables)
    case .alter(let id, let alter):
      guard var endpoint = try tables.endpoint(id) else { return .unknown }
      do { try alter(&endpoint) } catch { return .refused(error) }
      return try tables.update(endpoint) ? try show(id, tables) : .unknown
    case .remove(let id): return try tables.remove(id) ? .removed : .unknown
    case .rotateSecret(let id, let secret, let seconds):
      let isKnown = try tables.rotate(id, to: secret, overlapSeconds: seconds)
      return isKnown ? try show(id, tables) : .unknown
    case .enable(let id): return try tables.enable(id) ? try show(id, tables) : .unknown
    case .deliveries(let id, let limit):
      guard try tables.endpoint(id) != nil else { return .unknown }
      return .deliveries(
        attempts: try tables.attempts(id, limit: limit),
        parked: try tables.parked(id, limit: limit))
    case .replay(let id, let position):
      return try tables.setReplay(id, after: position) ? try show(id, tables) : .unknown
    case .replayParked(let id):
      guard try tables.endpoint(id) != nil else { return .unknown }
      return .askedFor(try tables.askForParked(id))
    }
  }

  private func show(_ id: String, _ tables: EndpointTables) throws(PostgresError) -> EndpointReply {
    guard let endpoint = try tables.endpoint(id) else { return .unknown }
    return .endpoint(
      EndpointState(
        endpoint: endpoint, cursor: try tables.cursor(id), health: try tables.health()[id]))
  }
}

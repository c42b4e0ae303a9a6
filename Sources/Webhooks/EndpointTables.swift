import Capture
import Engine
import JSONWire

/// Reads and writes the tables `onhand.webhook_...`, over one connection.
struct EndpointTables {
  let connection: PostgresConnection

  /// Whether `onhand init` made the tables.
  func exist() throws(PostgresError) -> Bool {
    try connection.query("SELECT to_regclass('onhand.webhook_endpoints') IS NOT NULL")[0][0] == "t"
  }

  /// A text that is another one once any endpoint was added, altered or taken away.
  func version() throws(PostgresError) -> String {
    try connection.query(Self.version)[0][0] ?? ""
  }

  private static let version = PreparedStatement(
    name: "webhooks_version",
    sql: """
      SELECT pg_catalog.concat(max(revision), ' ', count(*), ' ', count(previous_secret) FILTER
        (WHERE previous_secret_until > clock_timestamp()), ' ',
        (SELECT max(number) FROM onhand.webhook_parked WHERE is_asked_for))
      FROM onhand.webhook_endpoints
      """)

  // MARK: Endpoints

  private static let columns = """
    id, url, view_name, filter, description, secret,
    CASE WHEN previous_secret_until > clock_timestamp() THEN previous_secret END,
    batch_max, batch_ms, coalesce_changes, rate, concurrency, timeout_ms, template,
    enabled, disabled_reason, replay_after, revision
    """

  func endpoints() throws(PostgresError) -> [WebhookEndpoint] {
    try connection.query(
      "SELECT \(Self.columns) FROM onhand.webhook_endpoints ORDER BY id LIMIT \(WebhookEndpoint.countMax)"
    ).compactMap(Self.endpoint)
  }

  func endpoint(_ id: String) throws(PostgresError) -> WebhookEndpoint? {
    try connection.query(
      "SELECT \(Self.columns) FROM onhand.webhook_endpoints WHERE id = $1", [id]
    ).first.flatMap(Self.endpoint)
  }

  /// Nil for a row that we did not write.
  private static func endpoint(_ row: [String?]) -> WebhookEndpoint? {
    guard let id = row[0], WebhookEndpoint.isID(id), let url = row[1],
      let view = row[2].flatMap(QualifiedName.init(text:)),
      let secret = row[5].flatMap({ SigningSecret(text: $0) })
    else { return nil }
    func number(_ column: Int) -> Int? { row[column].flatMap { Int($0) } }
    var endpoint = WebhookEndpoint(id: id, url: url, view: view)
    endpoint.filter = row[3].map(FilterJSON.read) ?? []
    endpoint.description = row[4] ?? ""
    endpoint.secrets = [secret] + (row[6].flatMap { SigningSecret(text: $0) }.map { [$0] } ?? [])
    endpoint.options.batchMax = number(7) ?? 1
    endpoint.options.batchTime = Int64(number(8) ?? 0)
    endpoint.options.coalesces = row[9] == "t"
    endpoint.options.rate = number(10)
    endpoint.options.concurrency = number(11) ?? 8
    endpoint.timeout = .milliseconds(number(12) ?? 15_000)
    endpoint.template = row[13].flatMap(TemplateJSON.read) ?? .standard
    endpoint.isEnabled = row[14] == "t"
    endpoint.disabledReason = row[15]
    endpoint.replayAfter = row[16].flatMap { Position($0) }
    endpoint.revision = Int64(number(17) ?? 0)
    return endpoint
  }

  /// - Returns: false where there are as many as may be.
  func add(_ endpoint: WebhookEndpoint) throws(PostgresError) -> Bool {
    let added = try connection.query(
      """
      INSERT INTO onhand.webhook_endpoints (id, url, view_name, filter, description, secret, batch_max,
        batch_ms, coalesce_changes, rate, concurrency, timeout_ms, template)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
      WHERE (SELECT count(*) FROM onhand.webhook_endpoints) < \(WebhookEndpoint.countMax)
      RETURNING id
      """,
      [
        endpoint.id, endpoint.url, endpoint.view.description, FilterJSON.write(endpoint.filter),
        endpoint.description, endpoint.secrets.first?.revealed ?? "",
      ] + Self.options(endpoint))
    return !added.isEmpty
  }

  /// - Returns: false where there is none of this id.
  func update(_ endpoint: WebhookEndpoint) throws(PostgresError) -> Bool {
    let updated = try connection.query(
      """
      UPDATE onhand.webhook_endpoints SET url = $2, filter = $3, description = $4, enabled = $5,
        disabled_reason = CASE WHEN $5::bool THEN NULL ELSE coalesce(disabled_reason, 'asked_for') END,
        batch_max = $6, batch_ms = $7, coalesce_changes = $8, rate = $9, concurrency = $10,
        timeout_ms = $11, template = $12, revision = nextval('onhand.webhook_revisions')
      WHERE id = $1 RETURNING id
      """,
      [
        endpoint.id, endpoint.url, FilterJSON.write(endpoint.filter), endpoint.description,
        endpoint.isEnabled ? "t" : "f",
      ] + Self.options(endpoint))
    return !updated.isEmpty
  }

  private static func options(_ endpoint: WebhookEndpoint) -> [String?] {
    let options = endpoint.options
    return [
      String(options.batchMax), String(options.batchTime), options.coalesces ? "t" : "f",
      options.rate.map { String($0) }, String(options.concurrency),
      String(Int(endpoint.timeout / .milliseconds(1))), TemplateJSON.write(endpoint.template),
    ]
  }

  func remove(_ id: String) throws(PostgresError) -> Bool {
    try !connection.query(
      "DELETE FROM onhand.webhook_endpoints WHERE id = $1 RETURNING id", [id]
    ).isEmpty
  }

  /// Makes `secret` the one to sign with; the present one stays valid beside it for so many seconds.
  func rotate(_ id: String, to secret: SigningSecret, overlapSeconds: Int) throws(PostgresError)
    -> Bool
  {
    try !connection.query(
      """
      UPDATE onhand.webhook_endpoints SET previous_secret = secret, secret = $2,
        previous_secret_until = clock_timestamp() + $3::int * interval '1 second',
        revision = nextval('onhand.webhook_revisions')
      WHERE id = $1 RETURNING id
      """, [id, secret.revealed, String(overlapSeconds)]
    ).isEmpty
  }

  func enable(_ id: String) throws(PostgresError) -> Bool {
    try setEnabled(id, reason: nil)
  }

  func disable(_ id: String, reason: String) throws(PostgresError) {
    _ = try setEnabled(id, reason: reason)
  }

  private func setEnabled(_ id: String, reason: String?) throws(PostgresError) -> Bool {
    try !connection.query(
      """
      UPDATE onhand.webhook_endpoints SET enabled = $2::text IS NULL, disabled_reason = $2,
        revision = nextval('onhand.webhook_revisions')
      WHERE id = $1 RETURNING id
      """, [id, reason]
    ).isEmpty
  }

  func setReplay(_ id: String, after position: Position) throws(PostgresError) -> Bool {
    try !connection.query(
      """
      UPDATE onhand.webhook_endpoints SET replay_after = $2,
        revision = nextval('onhand.webhook_revisions')
      WHERE id = $1 RETURNING id
      """, [id, position.description]
    ).isEmpty
  }

  // MARK: Progress

  func records() throws(PostgresError) -> [String: EndpointRecord] {
    var records: [String: EndpointRecord] = [:]
    for row in try connection.query("SELECT endpoint, position FROM onhand.webhook_cursors") {
      records[row[0] ?? "", default: EndpointRecord()].cursor = row[1].flatMap { Position($0) }
    }
    let exceptions = try connection.query(
      "SELECT endpoint, pg_catalog.encode(key, 'hex'), position FROM onhand.webhook_exceptions")
    for row in exceptions {
      guard let key = row[1].flatMap({ HexText.decode($0) }),
        let position = row[2].flatMap({ Position($0) })
      else { continue }
      records[row[0] ?? "", default: EndpointRecord()].exceptions[key] = position
    }
    return records
  }

  func cursor(_ id: String) throws(PostgresError) -> String? {
    try connection.query(
      "SELECT position FROM onhand.webhook_cursors WHERE endpoint = $1", [id]
    ).first?[0]
  }

  /// Writes all of it in one transaction: cursors, exceptions and what is parked belong together.
  ///
  /// What belongs to an endpoint that was taken away meanwhile is dropped.
  func write(_ writes: [EndpointWrite]) throws(PostgresError) {
    try connection.execute("BEGIN")
    do throws(PostgresError) {
      try writeProgress(writes)
      for write in writes { try writeRest(write) }
      try connection.execute("COMMIT")
    } catch {
      _ = try? connection.execute("ROLLBACK")
      throw error
    }
  }

  private func writeProgress(_ writes: [EndpointWrite]) throws(PostgresError) {
    let cursors = writes.map { "[\"\($0.endpoint)\",\"\($0.cursor)\"]" }
    let exceptions = writes.flatMap { write in
      write.progress.exceptions.map { key, lsn in
        let position = lsn.map { "\"\(Position(epoch: write.epoch, lsn: $0))\"" } ?? "null"
        return "[\"\(write.endpoint)\",\"\(HexText.encode(key))\",\(position)]"
      }
    }
    for write in writes where write.dropsExceptions {
      try connection.query(
        "DELETE FROM onhand.webhook_exceptions WHERE endpoint = $1", [write.endpoint])
    }
    try connection.query(
      """
      WITH known AS MATERIALIZED (
        SELECT e.id FROM onhand.webhook_endpoints e
        WHERE e.id IN (SELECT value->>0 FROM jsonb_array_elements($1::jsonb)) FOR KEY SHARE),
      gone AS (
        DELETE FROM onhand.webhook_exceptions USING jsonb_array_elements($2::jsonb) AS told (value)
        WHERE endpoint = value->>0 AND key = pg_catalog.decode(value->>1, 'hex')
          AND value->>2 IS NULL),
      here AS (
        INSERT INTO onhand.webhook_exceptions (endpoint, key, position)
        SELECT value->>0, pg_catalog.decode(value->>1, 'hex'), value->>2
        FROM jsonb_array_elements($2::jsonb) JOIN known ON id = value->>0
        WHERE value->>2 IS NOT NULL
        ON CONFLICT (endpoint, key) DO UPDATE SET position = excluded.position)
      INSERT INTO onhand.webhook_cursors (endpoint, position)
      SELECT value->>0, value->>1 FROM jsonb_array_elements($1::jsonb) JOIN known ON id = value->>0
      ON CONFLICT (endpoint) DO UPDATE
      SET position = excluded.position, updated_at = clock_timestamp()
      """, ["[\(cursors.joined(separator: ","))]", "[\(exceptions.joined(separator: ","))]"])
  }

  private func writeRest(_ write: EndpointWrite) throws(PostgresError) {
    for parked in write.parked {
      try connection.query(
        """
        INSERT INTO onhand.webhook_parked (endpoint, webhook_id, body, failure)
        SELECT id, $2, $3, $4 FROM onhand.webhook_endpoints WHERE id = $1
        """,
        [
          write.endpoint, parked.id, String(decoding: parked.body, as: UTF8.self), parked.failure,
        ])
    }
    if write.clearsReplay {
      try connection.query(
        "UPDATE onhand.webhook_endpoints SET replay_after = NULL WHERE id = $1", [write.endpoint])
    }
  }

  // MARK: Parked deliveries

  /// Those that were asked for again, the oldest first; they are not asked for any more.
  func takeAskedFor(max: Int) throws(PostgresError) -> [AskedForDelivery] {
    try connection.query(
      """
      WITH asked AS (
        UPDATE onhand.webhook_parked SET is_asked_for = false
        WHERE number IN (SELECT number FROM onhand.webhook_parked WHERE is_asked_for
          ORDER BY number LIMIT $1) RETURNING number, endpoint, webhook_id, body)
      SELECT * FROM asked ORDER BY number
      """, [String(max)]
    ).compactMap { row in
      guard let number = row[0].flatMap({ Int($0) }), let endpoint = row[1], let id = row[2],
        let body = row[3]
      else { return nil }
      return AskedForDelivery(number: number, endpoint: endpoint, id: id, body: Array(body.utf8))
    }
  }

  /// - Returns: how many are asked for now.
  func askForParked(_ id: String) throws(PostgresError) -> Int {
    try connection.query(
      "UPDATE onhand.webhook_parked SET is_asked_for = true WHERE endpoint = $1 RETURNING 1", [id]
    ).count
  }

  func removeParked(_ number: Int) throws(PostgresError) {
    try connection.query("DELETE FROM onhand.webhook_parked WHERE number = $1", [String(number)])
  }

  // MARK: What people look at

  /// Attempts kept of an endpoint.
  static let attemptsMax = 200

  /// - Parameters:
  ///   - attempts: JSON by endpoint, in order.
  ///   - health: JSON by endpoint.
  func write(attempts: [(endpoint: String, detail: String)], health: [(String, String)])
    throws(PostgresError)
  {
    for (endpoint, detail) in attempts {
      try connection.query(
        """
        INSERT INTO onhand.webhook_attempts (endpoint, detail)
        SELECT id, $2::json FROM onhand.webhook_endpoints WHERE id = $1
        """, [endpoint, detail])
    }
    for endpoint in Set(attempts.map(\.endpoint)) {
      try connection.query(
        """
        DELETE FROM onhand.webhook_attempts WHERE endpoint = $1 AND number <= (
          SELECT number FROM onhand.webhook_attempts WHERE endpoint = $1
          ORDER BY number DESC OFFSET \(Self.attemptsMax) LIMIT 1)
        """, [endpoint])
    }
    for (endpoint, detail) in health {
      try connection.query(
        """
        INSERT INTO onhand.webhook_health (endpoint, detail)
        SELECT id, $2::json FROM onhand.webhook_endpoints WHERE id = $1
        ON CONFLICT (endpoint) DO UPDATE SET detail = excluded.detail, updated_at = clock_timestamp()
        """, [endpoint, detail])
    }
  }

  /// The newest attempts as JSON, the newest first.
  func attempts(_ id: String, limit: Int) throws(PostgresError) -> [String] {
    try connection.query(
      """
      SELECT detail::text FROM onhand.webhook_attempts WHERE endpoint = $1
      ORDER BY number DESC LIMIT $2
      """, [id, String(limit)]
    ).compactMap { $0[0] }
  }

  /// By endpoint.
  func health() throws(PostgresError) -> [String: String] {
    let rows = try connection.query("SELECT endpoint, detail::text FROM onhand.webhook_health")
    return Dictionary(rows.map { ($0[0] ?? "", $0[1] ?? "{}") }, uniquingKeysWith: { $1 })
  }

  /// Parked deliveries, the newest first, as JSON.
  func parked(_ id: String, limit: Int) throws(PostgresError) -> [String] {
    try connection.query(
      """
      SELECT json_build_object('id', webhook_id, 'parked_at', parked_at, 'failure', failure,
        'asked_for', is_asked_for)::text
      FROM onhand.webhook_parked WHERE endpoint = $1 ORDER BY number DESC LIMIT $2
      """, [id, String(limit)]
    ).compactMap { $0[0] }
  }
}

extension QualifiedName {
  /// Reads `schema.name` as it is printed; a name with a dot is taken to be behind the first one.
  init?(text: String) {
    guard let dot = text.firstIndex(of: ".") else { return nil }
    self.init(schema: String(text[..<dot]), name: String(text[text.index(after: dot)...]))
  }
}

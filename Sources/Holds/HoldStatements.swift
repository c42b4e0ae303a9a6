import Capture
import Engine

/// The statements that holds are written and read by; each commits by itself.
///
/// Rows that a shop may have locked are only ever taken with `SKIP LOCKED`, a hold's own row before its lines; so nothing here
/// waits for a shop, and no two can wait for each other.
extension PreparedStatement {
  /// Writes holds and their lines; those whose id is there already, since they were sent before, are left out.
  ///
  /// - SeeAlso: `HoldBatch` for the parameters.
  static func insert(_ key: HoldKeyColumns) -> PreparedStatement {
    PreparedStatement(
      name: "insert",
      sql: """
        WITH taken AS (\(inserting) FROM \(unnestedHolds) ON CONFLICT (id) DO NOTHING
          RETURNING id, created_at, expires_at),
        lines AS (\(insertingLines(key)))
        SELECT id, to_json(created_at)#>>'{}', to_json(expires_at)#>>'{}' FROM taken
        """)
  }

  /// Writes one hold in place of another, named behind the parameters of ``insert(_:)``, unless that has ended, is replaced already or is locked.
  ///
  /// The insert reads from the mark, so that the log has the mark first.
  static func replace(_ key: HoldKeyColumns) -> PreparedStatement {
    PreparedStatement(
      name: "replace",
      sql: """
        WITH old AS (
          SELECT id FROM onhand.holds WHERE id = $\(firstOfKey + key.columns.count)::uuid AND status = 'held'
            AND superseded_by IS NULL AND expires_at > clock_timestamp() FOR UPDATE SKIP LOCKED),
        mark AS (
          UPDATE onhand.holds h SET superseded_by = ($2::uuid[])[1] FROM old WHERE h.id = old.id
          RETURNING h.id AS old_id),
        taken AS (\(inserting) FROM mark, \(unnestedHolds) RETURNING id, created_at, expires_at),
        lines AS (\(insertingLines(key)))
        SELECT id, to_json(created_at)#>>'{}', to_json(expires_at)#>>'{}' FROM taken
        """)
  }

  private static let inserting = """
    INSERT INTO onhand.holds (id, status, caller, reference, idempotency_key, request_digest, units,
      metadata, instance, created_at, expires_at)
    SELECT n.id, 'held', n.caller, n.reference, n.idempotency_key, n.digest, n.units,
      n.metadata::jsonb, $1::uuid, clock_timestamp(),
      clock_timestamp() + n.ttl * interval '1 microsecond'
    """

  private static let unnestedHolds = """
    unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
      $9::bigint[]) AS n (id, caller, reference, idempotency_key, digest, units, metadata, ttl)
    """

  private static func insertingLines(_ key: HoldKeyColumns) -> String {
    """
    INSERT INTO onhand.hold_lines (hold_id, line, requested, quantity, \(key.names))
    SELECT l.hold_id, l.line, l.requested, l.quantity, \(key.casts)
    FROM unnest($10::uuid[], $11::int[], $12::int[], $13::int[], \(key.arrays(from: firstOfKey)))
      AS l (hold_id, line, requested, quantity, \(key.names))
    WHERE l.hold_id IN (SELECT id FROM taken)
    """
  }

  /// The parameter that has the first column of the lines' keys.
  private static let firstOfKey = 14

  /// Marks refused holds of this instance as rejected.
  static let reject = PreparedStatement(
    name: "reject",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = ANY ($1::uuid[]) AND status = 'held'
          AND instance = $2::uuid ORDER BY id FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET status = 'rejected', ended_at = clock_timestamp() FROM target t
        WHERE h.id = t.id RETURNING h.id),
      lines AS (
        UPDATE onhand.hold_lines l SET status = 'rejected' FROM changed c WHERE l.hold_id = c.id)
      SELECT id FROM changed
      """)

  /// Rejects a hold that was to replace `$3`, which stands for itself again, in one commit; neither if either is locked.
  static let rejectReplacing = PreparedStatement(
    name: "reject_replacing",
    sql: """
      WITH old AS (
        SELECT id FROM onhand.holds WHERE id = $3::uuid AND superseded_by = $1::uuid
        FOR UPDATE SKIP LOCKED),
      target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND status = 'held' AND instance = $2::uuid
          AND (EXISTS (SELECT FROM old) OR NOT EXISTS (
            SELECT FROM onhand.holds WHERE id = $3::uuid AND superseded_by = $1::uuid))
        FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET status = 'rejected', ended_at = clock_timestamp() FROM target t
        WHERE h.id = t.id RETURNING h.id),
      lines AS (
        UPDATE onhand.hold_lines l SET status = 'rejected' FROM changed c WHERE l.hold_id = c.id),
      cleared AS (
        UPDATE onhand.holds h SET superseded_by = NULL FROM changed c, old o WHERE h.id = o.id)
      SELECT id FROM changed
      """)

  /// Releases what was replaced by a granted hold.
  static let releaseReplaced = PreparedStatement(
    name: "release_replaced",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND status = 'held'
          AND superseded_by = $2::uuid FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET status = 'released', ended_at = clock_timestamp() FROM target t
        WHERE h.id = t.id RETURNING h.id),
      lines AS (
        UPDATE onhand.hold_lines l SET status = 'released' FROM changed c WHERE l.hold_id = c.id)
      SELECT status FROM onhand.holds WHERE id = $1::uuid
        AND id NOT IN (SELECT id FROM changed) AND status = 'held' AND superseded_by = $2::uuid
      """)

  /// Makes another instance's hold this one's, `$2`, which decides it where that comes in the log.
  static let adopt = PreparedStatement(
    name: "adopt",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND status = 'held'
          AND superseded_by IS NULL AND expires_at > clock_timestamp() FOR UPDATE SKIP LOCKED)
      UPDATE onhand.holds h SET instance = $2::uuid FROM target t WHERE h.id = t.id RETURNING h.id
      """)

  /// Says of a hold that it is not decided; no row if it has ended or is locked.
  static let mark = PreparedStatement(
    name: "mark",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND status = 'held' FOR UPDATE SKIP LOCKED)
      UPDATE onhand.holds h SET is_pending = true FROM target t WHERE h.id = t.id RETURNING h.id
      """)

  /// Says so no more; the rows are those that are locked.
  static let unmark = PreparedStatement(
    name: "unmark",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = ANY ($1::uuid[]) AND status = 'held' AND is_pending
        ORDER BY id FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET is_pending = false FROM target t WHERE h.id = t.id RETURNING h.id)
      SELECT id FROM onhand.holds WHERE id = ANY ($1::uuid[]) AND status = 'held' AND is_pending
        AND id NOT IN (SELECT id FROM changed)
      """)

  /// Brings a caller's hold to status `$3`, from one of `$4`; no row if it is elsewhere, its time is over or it is locked.
  static let change = PreparedStatement(
    name: "change",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND caller = $2 AND status = ANY ($4::text[])
          AND (status <> 'held' OR (superseded_by IS NULL AND expires_at > clock_timestamp()
            AND ($3 = 'released' OR NOT is_pending)))
        FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET status = $3,
          confirmed_at = CASE WHEN $3 = 'released' THEN confirmed_at
            ELSE coalesce(confirmed_at, clock_timestamp()) END,
          ended_at = CASE WHEN $3 <> 'confirmed' THEN clock_timestamp() END
        FROM target t WHERE h.id = t.id RETURNING h.id),
      lines AS (
        UPDATE onhand.hold_lines l SET status = $3 FROM changed c WHERE l.hold_id = c.id)
      SELECT id FROM changed
      """)

  /// Lets a caller's hold last `$3` microseconds from now, never less than it would have.
  static let extend = PreparedStatement(
    name: "extend",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE id = $1::uuid AND caller = $2 AND status = 'held'
          AND superseded_by IS NULL AND expires_at > clock_timestamp() AND NOT is_pending
        FOR UPDATE SKIP LOCKED)
      UPDATE onhand.holds h SET expires_at
        = greatest(expires_at, clock_timestamp() + $3::bigint * interval '1 microsecond')
      FROM target t WHERE h.id = t.id RETURNING h.id
      """)

  // MARK: Duties

  static let expire = PreparedStatement(
    name: "expire",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds WHERE status = 'held' AND expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED),
      changed AS (
        UPDATE onhand.holds h SET status = 'expired', ended_at = clock_timestamp() FROM target t
        WHERE h.id = t.id RETURNING h.id),
      lines AS (
        UPDATE onhand.hold_lines l SET status = 'expired' FROM changed c WHERE l.hold_id = c.id)
      SELECT count(*) FROM changed
      """)

  /// Deletes holds that ended more than `$1` microseconds ago.
  static let purge = PreparedStatement(
    name: "purge",
    sql: """
      WITH target AS (
        SELECT id FROM onhand.holds
        WHERE ended_at < clock_timestamp() - $1::bigint * interval '1 microsecond'
        ORDER BY ended_at LIMIT 1000 FOR UPDATE SKIP LOCKED),
      gone AS (DELETE FROM onhand.holds h USING target t WHERE h.id = t.id RETURNING h.id),
      lines AS (DELETE FROM onhand.hold_lines l USING gone g WHERE l.hold_id = g.id)
      SELECT count(*) FROM gone
      """)

  /// The lock of whoever expires and purges, `onhand` and `hold` in ASCII.
  static let lockDuties = PreparedStatement(
    name: "lock_duties", sql: "SELECT pg_try_advisory_lock(1869506657, 1752132708)")

  /// How many are paid and not settled, and for how long the oldest, in seconds.
  static let unsettled = PreparedStatement(
    name: "unsettled",
    sql: """
      SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(confirmed_at)), 0)::bigint
      FROM onhand.holds WHERE status = 'confirmed'
      """)

  // MARK: Reading

  /// The active holds behind one key, whose columns are the parameters; the next to expire first.
  static func explain(_ key: HoldKeyColumns) -> PreparedStatement {
    PreparedStatement(
      name: "explain",
      sql: """
        SELECT coalesce(json_agg(x), '[]'),
          to_json(min(x.expires_at) FILTER (WHERE x.status = 'held')), count(*)
        FROM (SELECT h.id AS hold_id, h.status, h.caller, h.reference, l.quantity, h.created_at,
            h.expires_at
          FROM onhand.hold_lines l JOIN onhand.holds h ON h.id = l.hold_id
          WHERE \(key.isGiven(in: "l")) AND l.status IN ('held', 'confirmed')
          ORDER BY h.status DESC, h.expires_at LIMIT \(explainedMax)) x
        """)
  }

  /// Holds listed in an explanation.
  static let explainedMax = 1_000

  /// - Parameter key: the names of the lines' key columns.
  fileprivate static func reading(
    _ name: String, _ condition: String, _ limit: String, _ key: [String]
  ) -> PreparedStatement {
    let members = key.map { name in
      PostgresConnection.quote(literal: memberStart(name))
        + " || to_json(\(PostgresConnection.quote(name)))::text"
    }
    let texts = key.map { "\(PostgresConnection.quote($0))::text" }
    return PreparedStatement(
      name: name,
      sql: """
        SELECT h.id, h.status, h.caller, h.reference, h.request_digest, h.instance, h.superseded_by,
          to_json(h.created_at)#>>'{}', to_json(h.expires_at)#>>'{}',
          to_json(h.confirmed_at)#>>'{}', to_json(h.ended_at)#>>'{}', h.metadata,
          (extract(epoch FROM clock_timestamp() - h.created_at) * 1000)::bigint,
          h.expires_at <= clock_timestamp(),
          l.members, l.requested, l.quantities, l.keys, h.is_pending
        FROM (SELECT * FROM onhand.holds WHERE \(condition)
          ORDER BY created_at DESC LIMIT \(limit)) h,
        LATERAL (SELECT \(hexLists([members.joined(separator: " || ',' || ")])) AS members,
            string_agg(requested::text, ',' ORDER BY line) AS requested,
            string_agg(quantity::text, ',' ORDER BY line) AS quantities,
            \(hexLists(texts)) AS keys
          FROM onhand.hold_lines WHERE hold_id = h.id) l
        ORDER BY h.created_at DESC
        """)
  }

  /// What stands before a value in an object of JSON.
  private static func memberStart(_ name: String) -> String {
    var json: [UInt8] = []
    JSONText.write(text: name, to: &json)
    return String(decoding: json, as: UTF8.self) + ":"
  }

  /// Lists of texts in the order of the lines, as hexadecimal digits of their UTF-8: nothing in them can be taken for a
  /// separator, `.` inside of a list and `,` between them.
  private static func hexLists(_ texts: [String]) -> String {
    let digits = texts.map { "encode(convert_to(\($0), 'UTF8'), 'hex')" }
    return "string_agg(\(digits.joined(separator: " || '.' || ")), ',' ORDER BY line)"
  }
}

/// The statements that find holds with their lines.
struct HoldReadings: Sendable {
  let byID: PreparedStatement
  let byIDs: PreparedStatement
  /// The newest first.
  let byReference: PreparedStatement
  let byIdempotencyKey: PreparedStatement

  /// - Parameter key: the names of the columns of the lines' key.
  init(key: [String]) {
    byID = .reading("by_id", "id = $1::uuid AND ($2::text IS NULL OR caller = $2)", "1", key)
    byIDs = .reading("by_ids", "id = ANY ($1::uuid[])", "1000", key)
    byReference = .reading("by_reference", "caller = $1 AND reference = $2", "100", key)
    byIdempotencyKey = .reading(
      "by_key", "caller = $1 AND idempotency_key = $2 AND status <> 'rejected'", "1", key)
  }
}

/// The columns of a line's key, in the order of the configuration.
package struct HoldKeyColumns: Sendable, Hashable {
  package struct Column: Sendable, Hashable {
    package let name: String
    /// As `format_type` prints it.
    package let type: String

    package init(name: String, type: String) {
      self.name = name
      self.type = type
    }

    fileprivate var quoted: String { PostgresConnection.quote(name) }
  }

  package let columns: [Column]

  package init(_ columns: [Column]) { self.columns = columns }

  fileprivate var names: String { columns.map(\.quoted).joined(separator: ", ") }

  fileprivate var casts: String {
    columns.map { "l.\($0.quoted)::\($0.type)" }.joined(separator: ", ")
  }

  /// Texts, an array for each column.
  fileprivate func arrays(from first: Int) -> String {
    columns.indices.map { "$\(first + $0)::text[]" }.joined(separator: ", ")
  }

  fileprivate func isGiven(in table: String) -> String {
    columns.enumerated().map { "\(table).\($1.quoted) = $\($0 + 1)::\($1.type)" }
      .joined(separator: " AND ")
  }
}

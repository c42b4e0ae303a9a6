/// One step of the schema `onhand`, applied once and in order.
struct Migration {
  let version: Int
  let body: [String]

  /// The body and the note that it was applied.
  var statements: [String] {
    body + ["INSERT INTO onhand.migrations (version) VALUES (\(version))"]
  }

  static let all = [
    Migration(
      version: 1,
      body: [
        "CREATE SCHEMA onhand",
        "COMMENT ON SCHEMA onhand IS 'Live views: what Onhand keeps in this database'",
        "GRANT USAGE ON SCHEMA onhand TO PUBLIC",
        """
        CREATE TABLE onhand.migrations (
          version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
        """,
        """
        CREATE FUNCTION onhand.position() RETURNS text LANGUAGE sql VOLATILE PARALLEL SAFE
        SET search_path = '' AS 'SELECT pg_catalog.pg_current_wal_insert_lsn()::text'
        """,
        """
        COMMENT ON FUNCTION onhand.position() IS
        'After a commit: a min_position for reads that are to see it'
        """,
      ]),
    webhooks,
  ]
}

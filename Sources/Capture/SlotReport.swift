import Engine

/// What a server says of a replication slot that stays.
package struct SlotReport: Sendable {
  /// How much of its log it keeps for the slot, in bytes.
  package let retainedBytes: Int
  /// How much more may come before the slot is lost; nil without a bound.
  package let safeBytes: Int?
  /// `reserved`, `extended`, `unreserved` or `lost`, as in `pg_replication_slots`.
  package let status: String
  /// Whether it is of this database, and read as we do.
  let isOurs: Bool
  let readerProcess: Int32?
  /// What was confirmed to be kept.
  let confirmed: LSN?

  /// Whether it is about to be lost, or is.
  package var isInDanger: Bool { status == "unreserved" || status == "lost" }

  /// - Returns: nil if there is no such slot.
  init?(_ name: String, _ connection: PostgresConnection) throws {
    let rows = try connection.query(
      """
      SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 0
          ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn) END,
        safe_wal_size, coalesce(wal_status, 'lost'),
        plugin = 'pgoutput' AND database = pg_catalog.current_database(), active_pid,
        confirmed_flush_lsn
      FROM pg_catalog.pg_replication_slots WHERE slot_name = $1
      """, [name])
    guard let row = rows.first else { return nil }
    retainedBytes = row[0].flatMap { Int($0) } ?? 0
    safeBytes = row[1].flatMap { Int($0) }
    status = row[2] ?? ""
    isOurs = row[3] == "t"
    readerProcess = row[4].flatMap { Int32($0) }
    confirmed = row[5].flatMap { LSN($0) }
  }
}

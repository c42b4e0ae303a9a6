import Capture
import Testing

/// What Postgres answers for the same definitions: the judge of every view.
struct ViewOracle {
  let connection: PostgresConnection
  /// In the order in which they build on each other.
  let views: [String]

  /// The rows of each view as `to_json` prints them, sorted, and a position that includes them.
  func rows() throws -> (lsn: String, rows: [String: [String]]) {
    var rows: [String: [String]] = [:]
    for view in views {
      if try isMaterialized(view) { try connection.execute("REFRESH MATERIALIZED VIEW \(view)") }
      rows[view] = try connection.execute("SELECT to_json(t)::text FROM \(view) t")
        .map { $0[0] ?? "" }.sorted()
    }
    let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
    return (lsn, rows)
  }

  /// Compares every view of a running service with Postgres; nobody writes meanwhile.
  func expectEqual(
    _ service: TestService, _ comment: String, _ location: SourceLocation = #_sourceLocation
  )
    throws
  {
    let (lsn, expected) = try rows()
    for view in views {
      let served = try service.rows(view, at: lsn)
      guard served != expected[view] else { continue }
      let wanted = expected[view] ?? []
      let missing = wanted.filter { !served.contains($0) }.prefix(3)
      let extra = served.filter { !wanted.contains($0) }.prefix(3)
      Issue.record(
        """
        \(view) differs (\(comment)): \(served.count) rows served, \(wanted.count) expected
        missing \(missing.joined(separator: "\n"))
        extra \(extra.joined(separator: "\n"))
        """, sourceLocation: location)
    }
  }

  private func isMaterialized(_ view: String) throws -> Bool {
    try connection.query("SELECT relkind = 'm' FROM pg_class WHERE oid = $1::regclass", [view])[0][
      0]
      == "t"
  }
}

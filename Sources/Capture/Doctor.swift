import Catalog
import Engine

/// Looks for what keeps a database from being followed, and says what to do about it.
package struct Doctor {
  /// One line of the report.
  package struct Finding {
    package enum Level: String, Sendable {
      case ok
      /// Works, and costs or risks something.
      case note
      /// Does not work until it is mended.
      case problem
    }

    package let level: Level
    package let text: String
    package let remedy: Remedy?
  }

  package enum Remedy: Sendable {
    /// Run by who may.
    case sql([String])
    /// A setting that takes effect at the next start of the server.
    case setting(name: String, value: String)
    case initialise
    case advice(String)
  }

  private let configuration: CaptureConfiguration
  private let connection: PostgresConnection
  private var findings: [Finding] = []

  private init(_ configuration: CaptureConfiguration, _ connection: PostgresConnection) {
    self.configuration = configuration
    self.connection = connection
  }

  /// - Parameter configuration: without views to look at all of the database.
  package static func examine(_ configuration: CaptureConfiguration) -> [Finding] {
    do {
      var doctor = Doctor(configuration, try PostgresConnection(configuration.conninfo))
      try doctor.examineServer()
      try doctor.examineRole()
      try doctor.examineViews()
      try doctor.examineHolds()
      return doctor.findings
    } catch {
      return [
        Finding(
          level: .problem, text: "the database can't be asked: \(error)",
          remedy: .advice("mend `database` in the configuration, or let the server in"))
      ]
    }
  }

  private mutating func add(_ level: Finding.Level, _ text: String, _ remedy: Remedy? = nil) {
    findings.append(Finding(level: level, text: text, remedy: remedy))
  }

  // MARK: Holds

  private mutating func examineHolds() throws {
    guard let holds = configuration.holds else { return }
    do {
      let compiled = try CompiledViews(configuration, connection)
      try holds.check(compiled.plan, configuration, connection)
      add(.ok, "holds can be taken from \(holds.view)")
    } catch let refusal as Refusal {
      add(.problem, "holds: \(refusal.subject): \(refusal.construct)", .advice(refusal.advice))
    }
  }

  // MARK: Server

  private mutating func examineServer() throws {
    let version = connection.serverVersion / 10_000
    switch version {
    case 15, 16, 18: add(.ok, "PostgreSQL \(version)")
    case ..<15:
      add(.problem, "PostgreSQL \(version) is too old", .advice("upgrade to 15 or later"))
    default: add(.note, "PostgreSQL \(version) is untried; 15, 16 and 18 are tested")
    }
    let settings = try settings()
    if settings["wal_level"] == "logical" {
      add(.ok, "wal_level is logical")
    } else {
      add(
        .problem, "wal_level is \(settings["wal_level"] ?? "")",
        .setting(name: "wal_level", value: "logical"))
    }
    try examineSlots(max: settings["max_replication_slots"].flatMap { Int($0) } ?? 0)
    try examineSenders(max: settings["max_wal_senders"].flatMap { Int($0) } ?? 0)
    if settings["max_slot_wal_keep_size"] == "-1" {
      add(
        .note, "max_slot_wal_keep_size is unlimited: a slot that nobody reads fills the disk",
        .sql(["ALTER SYSTEM SET max_slot_wal_keep_size = '16GB'", "SELECT pg_reload_conf()"]))
    }
  }

  private func settings() throws -> [String: String] {
    let rows = try connection.query(
      """
      SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN
        ('wal_level', 'max_replication_slots', 'max_wal_senders', 'max_slot_wal_keep_size')
      """)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0[1] ?? "") })
  }

  /// Of a slot that stays.
  private mutating func examineOwnSlot() throws {
    guard let slot = try SlotReport(configuration.slot, connection) else { return }
    let name = "slot \(configuration.slot)"
    let kept = "the server keeps \(slot.retainedBytes >> 20) MiB of its log for it"
    if !slot.isOurs {
      add(
        .problem, "\(name) is of another database, or read by something else",
        .advice("name another one by slot:"))
    } else if slot.isInDanger {
      add(
        .problem, "\(name) is \(slot.status): log that it needs is being removed",
        .advice("raise max_slot_wal_keep_size; a slot that is lost is made anew at the next start"))
    } else if slot.readerProcess == nil {
      add(
        .note, "\(name) is read by nobody now; \(kept)",
        .sql(["SELECT pg_drop_replication_slot('\(configuration.slot)') -- if its instance is gone"]
        ))
    } else {
      add(.ok, "\(name) is read; \(kept)")
    }
  }

  private mutating func examineSlots(max: Int) throws {
    try examineOwnSlot()
    let slots = try connection.query(
      "SELECT slot_name, active FROM pg_catalog.pg_replication_slots ORDER BY 1")
    if slots.count < max {
      return add(.ok, "\(max - slots.count) of \(max) replication slots free")
    }
    let idle = slots.filter { $0[1] == "f" }.compactMap(\.[0])
    let unread = idle.isEmpty ? "" : "; nobody reads \(idle.joined(separator: ", "))"
    add(
      .problem, "all \(max) replication slots are taken\(unread)",
      .setting(name: "max_replication_slots", value: String(max + 5)))
  }

  private mutating func examineSenders(max: Int) throws {
    let taken = try connection.query(
      "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'walsender'")
    let count = taken[0][0].flatMap { Int($0) } ?? 0
    if count < max { return add(.ok, "\(max - count) of \(max) WAL senders free") }
    add(
      .problem, "all \(max) WAL senders are taken",
      .setting(name: "max_wal_senders", value: String(max + 5)))
  }

  // MARK: Role

  private mutating func examineRole() throws {
    let rows = try connection.query(
      """
      SELECT rolname, rolsuper OR rolreplication FROM pg_catalog.pg_roles
      WHERE rolname = current_user
      """)
    let role = PostgresConnection.quote(rows[0][0] ?? "")
    do {
      try PostgresConnection(configuration.conninfo, mode: .replication).execute("IDENTIFY_SYSTEM")
      add(.ok, "role \(role) may replicate")
    } catch {
      switch (CaptureFailure(error), rows[0][1]) {
      // Told above.
      case (.noFreeConnection, _): break
      case (_, "t"):
        add(
          .problem, "a replication connection is refused: \(error)",
          .advice("let role \(role) in for this database in pg_hba.conf"))
      default:
        add(.problem, "role \(role) may not replicate", .sql(["ALTER ROLE \(role) REPLICATION"]))
      }
    }
  }

  // MARK: Views

  private mutating func examineViews() throws {
    let survey = try ViewSurvey(configuration)
    for entry in survey.entries { examine(entry) }
    if survey.entries.isEmpty {
      add(.problem, "the database has no views", .advice("CREATE VIEW ... over its tables"))
    }
    var prepared = configuration
    prepared.views = survey.preparable
    let preparation = try Initializer(prepared).preparation()
    try examineTables(preparation.plan)
    for statement in preparation.statements {
      add(.problem, "not yet run: \(statement)", .initialise)
    }
  }

  private mutating func examine(_ entry: ViewSurvey.Entry) {
    if let refusal = entry.lastingRefusal {
      // Among all views of a database some may well be what they are.
      add(
        configuration.views.isEmpty ? .note : .problem,
        "view \(entry.view.name): no: \(refusal.subject): \(refusal.construct)",
        .advice(refusal.advice))
    } else {
      add(.ok, "view \(entry.view.name): yes")
    }
  }

  private mutating func examineTables(_ plan: Plan) throws {
    let role = try connection.query("SELECT current_user")[0][0] ?? ""
    for source in plan.sources.sorted(by: { $0.name.description < $1.name.description }) {
      let rows = try connection.query(
        """
        SELECT pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'),
          pg_catalog.has_table_privilege(c.oid, 'SELECT'), greatest(c.reltuples, 0)::bigint,
          c.relreplident = 'f',
          (SELECT coalesce(sum(s.avg_width), 0) FROM pg_catalog.pg_stats s
            WHERE s.schemaname = n.nspname AND s.tablename = c.relname
              AND s.attname = ANY (string_to_array($2, chr(1))))
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = $1::oid
        """, [String(source.relation), source.columns.map(\.name).joined(separator: "\u{1}")])
      guard let row = rows.first else { continue }
      examinePrivileges(on: source, role, canUseSchema: row[0] == "t", canSelect: row[1] == "t")
      let count = row[2].flatMap { Int($0) } ?? 0
      let width = row[4].flatMap { Int($0) } ?? 0
      examineCost(of: source, rows: count, width: width)
    }
  }

  private mutating func examinePrivileges(
    on source: Plan.Source, _ role: String, canUseSchema: Bool, canSelect: Bool
  ) {
    guard !canUseSchema || !canSelect else { return }
    let quoted = PostgresConnection.quote(role)
    let schema = PostgresConnection.quote(source.name.schema)
    var statements: [String] = []
    if !canUseSchema { statements.append("GRANT USAGE ON SCHEMA \(schema) TO \(quoted)") }
    if !canSelect {
      statements.append("GRANT SELECT ON \(PostgresConnection.quote(source.name)) TO \(quoted)")
    }
    add(.problem, "role \(quoted) may not read \(source.name)", .sql(statements))
  }

  /// What a kept row takes besides its columns: its place in the table, its key and its header.
  private static let rowOverheadBytes = 96

  private mutating func examineCost(of source: Plan.Source, rows: Int, width: Int) {
    guard case .key = source.identity else {
      return add(.ok, "table \(source.name): no row is kept")
    }
    let megabytes = rows * (width + Self.rowOverheadBytes) / 1_000_000
    let cost = (megabytes == 0 ? "less than 1 MB" : "about \(megabytes) MB") + " for \(rows) rows"
    let name = PostgresConnection.quote(source.name)
    if megabytes < 100 {
      return add(.ok, "table \(source.name): the columns in use of each row are kept, \(cost)")
    }
    add(
      .note,
      "table \(source.name): the columns in use of each row are kept, \(cost); with whole old "
        + "rows in the log none would be", .sql(["ALTER TABLE \(name) REPLICA IDENTITY FULL"]))
  }
}

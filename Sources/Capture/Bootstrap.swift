import Catalog
import Engine
import Logging

/// Makes a slot, fills a dataflow from the slot's snapshot, and starts the stream where the snapshot ends.
///
/// No change is lost or seen twice: the snapshot shows what committed before the slot's consistent point, the stream what
/// committed after. Runs on capture's queue and blocks it; the stop flag ends any wait.
struct Bootstrap {
  let configuration: CaptureConfiguration
  let store: ViewStore
  let status: CaptureStatus
  let stop: StopFlag
  let logger: Logger
  let historyBegins: @Sendable (DatabaseOrigin) -> Void
  /// What was kept, if anything is; the slot stays then.
  let checkpoints: (any CheckpointStore)?
  /// Why what was kept is of no use now, as a rule's name; nil if it may be.
  let distrust: Logger.Message?

  struct Result {
    let stream: LogStream
    let views: CompiledViews
    /// What they rely on; see ``CompiledViews/reliance(_:)``.
    let reliance: String
    let dataflow: Dataflow
    /// Of what the dataflow has.
    let position: Position
    /// How far readers are, if that may be further.
    var seenUpTo: LSN?
    /// The slot that stays; nil for one that goes with the connection.
    var slot: String?
  }

  /// - Parameter history: what is known of the database's past, updated with what is found now.
  func run(_ history: inout DatabaseHistory) throws -> Result {
    status.set(.starting)
    let replication = try connect(.replication)
    let observed = try Self.identifySystem(replication)
    let epoch = history.observe(observed)
    if let origin = history.origin { historyBegins(origin) }
    if let resumed = try resume(replication, epoch, end: observed.walEnd) { return resumed }
    let slot = try createSlot(replication)

    let reader = try connect(.ordinary)
    try reader.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try reader.execute(
      "SET TRANSACTION SNAPSHOT \(PostgresConnection.quote(literal: slot.snapshot))")
    try readGeometry(reader)
    let views = try compile(reader)
    let reliance = try views.reliance(views.rewrites(reader))
    let dataflow = Dataflow(
      plan: views.plan, refused: views.refusals.mapValues(\.description), store: store)
    try lockTables(views.plan, reader)
    try readTables(dataflow, reader)
    if let witness = store.holdWitness { try HoldSnapshot.read(reader, witness) }
    let position = Position(epoch: epoch, lsn: slot.consistentPoint)
    // Who sees its rows finds it counted.
    status.bootstraps.add()
    try dataflow.finishStep(at: position, committedAt: nil, xid: nil)
    try reader.execute("COMMIT")

    checkpoints?.snapshotWasTaken()
    try startReplication(
      replication, slot: slot.name, at: slot.consistentPoint, views.publications)
    status.set(.streaming)
    return Result(
      stream: LogStream(replication), views: views, reliance: reliance, dataflow: dataflow,
      position: position,
      slot: checkpoints == nil ? nil : slot.name)
  }

  private func resume(_ replication: PostgresConnection, _ epoch: Epoch, end: LSN) throws -> Result?
  {
    guard let checkpoints else { return nil }
    if let distrust {
      logger.notice(distrust)
      return nil
    }
    return try Resumption(bootstrap: self, checkpoints: checkpoints)
      .run(replication, epoch, end: end)
  }

  func compile(_ reader: PostgresConnection) throws -> CompiledViews {
    let views = try CompiledViews(configuration, reader)
    if views.plan.views.isEmpty, let refusal = views.refusals.values.first { throw refusal }
    try configuration.holds?.check(views.plan, configuration, reader)
    for (view, refusal) in views.refusals {
      logger.error("view_refused", metadata: ["view": "\(view)", "reason": "\(refusal)"])
    }
    return views
  }

  func connect(_ mode: PostgresConnection.Mode) throws -> PostgresConnection {
    try PostgresConnection(configuration.conninfo, mode: mode, stop: stop)
  }

  // MARK: Slot and stream

  private struct Slot {
    let name: String
    let consistentPoint: LSN
    let snapshot: String
  }

  private static func identifySystem(_ connection: PostgresConnection) throws
    -> DatabaseHistory.Observation
  {
    guard let row = try connection.execute("IDENTIFY_SYSTEM").first, row.count >= 3,
      let system = row[0].flatMap({ UInt64($0) }), let timeline = row[1].flatMap({ UInt32($0) }),
      let end = row[2].flatMap({ LSN($0) })
    else { throw PostgresError(.protocol, "IDENTIFY_SYSTEM gave an unexpected answer") }
    return DatabaseHistory.Observation(
      systemIdentifier: system, timeline: timeline, walEnd: end)
  }

  /// Waits for transactions that were open, as it must: the snapshot is to have no commit order in doubt.
  private func createSlot(_ connection: PostgresConnection) throws -> Slot {
    status.set(.creatingSlot(waitingFor: []))
    let stays = checkpoints != nil
    let name = stays ? configuration.slot : "\(configuration.slot)_\(connection.serverProcess)"
    if stays { try dropSlot(name, connection) }
    try connection.start(
      "CREATE_REPLICATION_SLOT \(PostgresConnection.quote(name))\(stays ? "" : " TEMPORARY")"
        + " LOGICAL pgoutput (SNAPSHOT 'export')")
    while try !connection.wait(seconds: 2) { reportWait(connection.serverProcess) }
    guard let row = try connection.rows().first, row.count >= 3,
      let point = row[1].flatMap({ LSN($0) }), let snapshot = row[2]
    else { throw PostgresError(.protocol, "the slot came without a snapshot") }
    return Slot(name: name, consistentPoint: point, snapshot: snapshot)
  }

  /// Makes room for a slot: nothing that is kept leads from the one that is there to what it will have.
  private func dropSlot(_ name: String, _ connection: PostgresConnection) throws {
    guard let slot = try SlotReport(name, try connect(.ordinary)) else { return }
    guard slot.isOurs else { throw Self.refusal(ofSlot: name) }
    try connection.execute("DROP_REPLICATION_SLOT \(PostgresConnection.quote(name))")
    logger.notice("slot_made_anew", metadata: ["slot": "\(name)"])
  }

  static func refusal(ofSlot name: String) -> Refusal {
    Refusal(
      subject: "replication slot \(name)",
      construct: "it is of another database, or read by something else",
      advice: "name another one by slot:")
  }

  private func reportWait(_ process: Int32) {
    guard let connection = try? connect(.ordinary),
      let rows = try? connection.query(
        """
        SELECT pid, coalesce(application_name, ''), state FROM pg_catalog.pg_stat_activity
        WHERE backend_xid IS NOT NULL AND pid <> $1::int ORDER BY xact_start LIMIT 5
        """, [String(process)])
    else { return }
    let waitingFor = rows.map { "pid \($0[0] ?? "?") (\($0[1] ?? ""), \($0[2] ?? ""))" }
    status.set(.creatingSlot(waitingFor: waitingFor))
    logger.warning(
      "slot_creation_waits", metadata: ["transactions": .array(waitingFor.map { .string($0) })])
  }

  func startReplication(
    _ connection: PostgresConnection, slot: String, at position: LSN, _ publications: [String]
  ) throws {
    let names = PostgresConnection.quote(
      literal: publications.map { PostgresConnection.quote($0) }.joined(separator: ","))
    try connection.execute(
      "START_REPLICATION SLOT \(PostgresConnection.quote(slot)) LOGICAL \(position)"
        + " (proto_version '1', publication_names \(names), binary 'true')")
  }

  // MARK: Snapshot

  func readGeometry(_ connection: PostgresConnection) throws {
    let rows = try connection.query(
      """
      SELECT name, setting FROM pg_catalog.pg_settings
      WHERE name IN ('wal_block_size', 'wal_segment_size')
      """)
    let settings = Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0[1] ?? "") })
    store.gate.setGeometry(
      WALGeometry(
        pageBytes: settings["wal_block_size"].flatMap { UInt64($0) } ?? 8192,
        segmentBytes: settings["wal_segment_size"].flatMap { UInt64($0) } ?? 16 << 20))
  }

  /// Keeps the tables from being altered while they are read.
  ///
  /// One rewritten between the slot's snapshot and this would read as empty, and one renamed as another.
  private func lockTables(_ plan: Plan, _ connection: PostgresConnection) throws {
    guard !plan.sources.isEmpty else { return }
    let tables = plan.sources.map { "ONLY " + PostgresConnection.quote($0.name) }
      .joined(separator: ", ")
    try connection.execute("LOCK TABLE \(tables) IN ACCESS SHARE MODE")
    let oids = plan.sources.map { String($0.relation) }.joined(separator: ",")
    let altered = try connection.query(
      """
      SELECT nspname, relname FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND (
        relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)
        OR c.oid <> pg_catalog.to_regclass(pg_catalog.format('%I.%I', nspname, relname)))
      """, ["{\(oids)}"])
    if let table = altered.first {
      throw SchemaChanged("\(table[0] ?? "").\(table[1] ?? ""): it was altered just now")
    }
  }

  private func readTables(_ dataflow: Dataflow, _ connection: PostgresConnection) throws {
    let snapshot = SnapshotReader(connection)
    for input in dataflow.inputs {
      status.set(.bootstrapping(table: input.source.name.description))
      status.update { $0.snapshotRows = 0 }
      try snapshot.read(into: input) { rows in status.update { $0.snapshotRows += rows } }
    }
  }
}

/// What capture has seen of the database's history, which makes the epoch.
struct DatabaseHistory {
  struct Observation {
    let systemIdentifier: UInt64
    let timeline: UInt32
    let walEnd: LSN
  }

  /// The last position reached, if any.
  var position: Position?
  private var last: Observation?
  private var rewinds = 0

  init() {}

  /// What an earlier process had come to know.
  init(_ origin: DatabaseOrigin, at position: Position) {
    self.position = position
    rewinds = Int(origin.rewinds)
    last = Observation(
      systemIdentifier: origin.systemIdentifier, timeline: origin.timeline, walEnd: position.lsn)
  }

  var origin: DatabaseOrigin? {
    last.map {
      DatabaseOrigin(
        systemIdentifier: $0.systemIdentifier, timeline: $0.timeline, rewinds: UInt32(rewinds))
    }
  }

  /// The epoch to use from now on: a new one if the log now ends behind what was seen of it.
  mutating func observe(_ now: Observation) -> Epoch {
    if let last, let position, last.systemIdentifier == now.systemIdentifier,
      last.timeline == now.timeline, now.walEnd < position.lsn
    {
      rewinds += 1
    }
    last = now
    return Epoch(
      systemIdentifier: now.systemIdentifier, timeline: now.timeline, rewinds: rewinds)
  }
}

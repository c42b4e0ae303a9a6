import Dispatch
import Engine

/// Looks, while the log is followed, whether the catalogs still say what the views were compiled against.
///
/// Much that changes an answer leaves no row in the log: a view defined anew, a child table attached, a publication altered, a
/// column computed anew. Works on a queue and a connection of its own, so that no commit waits for it.
final class CatalogWatch: @unchecked Sendable {
  // Unchecked: everything below belongs to `queue`.
  private let queue = DispatchQueue(label: "onhand.catalog-watch")
  private let configuration: CaptureConfiguration
  private let stop: StopFlag
  private let report: @Sendable (any Error) -> Void
  private var views: CompiledViews
  private var connection: PostgresConnection?
  private var timer: (any DispatchSourceTimer)?
  /// Updates and deletes that the server has counted of append-only tables, by OID.
  private var rewrites: [UInt32: Int] = [:]

  private static let interval = DispatchTimeInterval.seconds(1)

  /// - Parameter report: is called, on any thread, with a ``BrokenPromise`` or with why the views must be read anew; then
  ///   the watch has ended.
  init(
    _ configuration: CaptureConfiguration, views: CompiledViews, stop: StopFlag,
    report: @escaping @Sendable (any Error) -> Void
  ) {
    self.configuration = configuration
    self.views = views
    self.stop = stop
    self.report = report
  }

  func start() {
    queue.async {
      let timer = DispatchSource.makeTimerSource(queue: self.queue)
      timer.schedule(
        deadline: .now() + Self.interval, repeating: Self.interval, leeway: .milliseconds(100))
      timer.setEventHandler { [weak self] in self?.look() }
      timer.activate()
      self.timer = timer
    }
  }

  /// Looks at once: the log says that a table may have changed.
  func lookSoon() {
    queue.async { if self.timer != nil { self.look() } }
  }

  func end() {
    queue.async {
      self.timer?.cancel()
      self.timer = nil
      self.connection = nil
    }
  }

  private func look() {
    do {
      let connection = try self.connection ?? PostgresConnection(configuration.conninfo, stop: stop)
      self.connection = connection
      try lookForRewrites(connection)
      guard try !views.fingerprint.isCurrent(connection) else { return }
      views = try compile(connection)
    } catch let error as PostgresError where error.kind != .statement {
      // The stream tells of a lost server; until then the next look connects again.
      connection = nil
    } catch {
      timer?.cancel()
      timer = nil
      connection = nil
      report(error)
    }
  }

  /// Updates and deletes of append-only tables are not in the log that we read; the server counts them.
  private func lookForRewrites(_ connection: PostgresConnection) throws {
    guard !views.appendOnly.isEmpty else { return }
    let oids = views.appendOnly.map { String($0.relation) }.joined(separator: ",")
    let rows = try connection.query(
      """
      SELECT relid, n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_all_tables
      WHERE relid = ANY ($1::oid[])
      """, ["{\(oids)}"])
    for row in rows {
      guard let oid = row[0].flatMap({ UInt32($0) }), let count = row[1].flatMap({ Int($0) }) else {
        continue
      }
      if let before = rewrites.updateValue(count, forKey: oid), count > before,
        let source = views.appendOnly.first(where: { $0.relation == oid })
      {
        report(BrokenPromise(table: oid, name: source.name))
      }
    }
  }

  /// The views as they are now, if the rows that we keep are right for them as well.
  private func compile(_ connection: PostgresConnection) throws -> CompiledViews {
    try connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    let compiled = try CompiledViews(configuration, connection)
    try connection.execute("COMMIT")
    guard compiled.continues(views) else {
      throw SchemaChanged("a view, or a table or publication that it relies on, was altered")
    }
    return compiled
  }
}

/// An append-only table was updated or deleted from.
struct BrokenPromise: Error, CustomStringConvertible {
  let table: UInt32
  let name: QualifiedName

  var description: String {
    "\(name) is named in append_only but rows of it were updated or deleted: "
      + "take it out of append_only, run `onhand init` and start again"
  }
}

/// What the views were compiled against is no longer so: they must be compiled and their tables read anew.
struct SchemaChanged: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

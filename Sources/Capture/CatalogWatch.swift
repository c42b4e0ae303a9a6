import Dispatch
import Engine
import Synchronization

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

  private var looks = 0
  private let slot: String?
  private let slotReport: @Sendable (SlotReport?) -> Void
  private let known: Mutex<String>

  private static let interval = DispatchTimeInterval.seconds(1)

  /// What the views relied on at the last look, which was about a second ago, or when they were compiled. Any thread.
  var reliance: String { known.withLock { $0 } }

  /// - Parameters:
  ///   - reliance: of the views, as they were compiled.
  ///   - slot: that stays; nil if there is none.
  ///   - slotReport: is told of it now and then, on any thread.
  ///   - report: is called, on any thread, with a ``BrokenPromise`` or with why the log can't be followed as it is; then
  ///     the watch has ended.
  init(
    _ configuration: CaptureConfiguration, views: CompiledViews, reliance: String, slot: String?,
    stop: StopFlag,
    slotReport: @escaping @Sendable (SlotReport?) -> Void,
    report: @escaping @Sendable (any Error) -> Void
  ) {
    known = Mutex(reliance)
    self.slot = slot
    self.slotReport = slotReport
    self.configuration = configuration
    self.views = views
    self.stop = stop
    self.report = report
  }

  func start() {
    queue.async {
      let timer = DispatchSource.makeTimerSource(queue: self.queue)
      timer.schedule(
        deadline: .now(), repeating: Self.interval, leeway: .milliseconds(100))
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
      if try !views.fingerprint.isCurrent(connection) { views = try compile(connection) }
      let reliance = views.reliance(rewrites)
      known.withLock { $0 = reliance }
      try lookAtSlot(connection)
    } catch let error as PostgresError where error.isShutdown {
      end(error)
    } catch let error as PostgresError where error.kind != .statement {
      // The stream tells of a lost server; until then the next look connects again.
      connection = nil
    } catch {
      end(error)
    }
  }

  private func end(_ error: any Error) {
    timer?.cancel()
    timer = nil
    connection = nil
    report(error)
  }

  /// How much of its log the server keeps for us.
  private func lookAtSlot(_ connection: PostgresConnection) throws {
    guard let slot, isSlotDue else { return }
    slotReport(try SlotReport(slot, connection))
  }

  /// Each tenth look.
  private var isSlotDue: Bool {
    looks += 1
    return looks % 10 == 1
  }

  /// Updates and deletes of append-only tables are not in the log that we read; the server counts them.
  private func lookForRewrites(_ connection: PostgresConnection) throws {
    for (oid, count) in try views.rewrites(connection) {
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

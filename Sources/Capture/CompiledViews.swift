import Catalog
import Engine

/// The configured views, compiled against the catalogs of one moment, and what the compilation relied on.
package struct CompiledViews: Sendable {
  let plan: Plan
  /// Why configured views are not in the plan, by their configured names.
  package let refusals: [String: Refusal]
  /// What the log will say of each table, by OID.
  let tables: [UInt32: PublishedTable]
  /// Of them, those that are promised to be only inserted into.
  let appendOnly: [Plan.Source]
  /// The publications that carry them.
  let publications: [String]
  /// Rows carry the labels of enums as they were when they were read.
  private let enumLabels: [UInt32: String]
  let fingerprint: CatalogFingerprint

  /// Whether all views can be kept live, and the publications deliver what they read.
  ///
  /// - Throws: ``Refusal``, or ``PostgresError`` if the database can't be asked.
  package static func check(_ configuration: CaptureConfiguration) throws {
    let connection = try PostgresConnection(configuration.conninfo)
    let compiled = try CompiledViews(configuration, connection)
    try configuration.holds?.check(compiled.plan, configuration, connection)
    for view in configuration.views {
      if let refusal = compiled.refusals[view.name] { throw refusal }
    }
  }

  /// - Parameter connection: may be inside a snapshot.
  init(_ configuration: CaptureConfiguration, _ connection: PostgresConnection) throws {
    guard connection.serverEncoding == "UTF8" else {
      throw Refusal(
        subject: "the database", construct: "its encoding is \(connection.serverEncoding)",
        advice: "views over UTF8 databases can be kept live")
    }
    let loader = CatalogLoader(connection)
    var (catalog, views, refusals) = try loader.load(configuration.views)
    let appendOnly = catalog.withPartitions(
      Set(try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") }))
    let publications = Publications(configuration, appendOnly: appendOnly)
    tables = try publications.inspect(&catalog, connection)
    var compiler = ViewCompiler(catalog: catalog, appendOnly: appendOnly)
    for (view, oid) in views {
      do throws(Refusal) {
        try compiler.add(ViewCompiler.Request(relation: oid, key: view.key))
      } catch { refusals[view.name] = error }
    }
    plan = compiler.plan
    self.appendOnly = plan.sources.filter { appendOnly.contains($0.relation) }
    self.refusals = refusals
    enumLabels = catalog.enumLabels
    self.publications = publications.names(for: plan)
    fingerprint = try CatalogFingerprint(
      of: catalog, plan: plan, publications: publications.allNames,
      views: configuration.views.map(\.name), connection)
  }

  /// What rows and operators rely on, in words that are equal or not: the catalogs, and how often rows of append-only tables were updated
  /// or deleted, which their log does not tell.
  func reliance(_ rewrites: [UInt32: Int]) -> String {
    let counts = rewrites.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
    return "\(fingerprint.digest) \(counts.joined(separator: ","))"
  }

  /// Updates and deletes that the server has counted of append-only tables, by OID.
  func rewrites(_ connection: PostgresConnection) throws -> [UInt32: Int] {
    guard !appendOnly.isEmpty else { return [:] }
    let oids = appendOnly.map { String($0.relation) }.joined(separator: ",")
    let rows = try connection.query(
      """
      SELECT relid, n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_all_tables
      WHERE relid = ANY ($1::oid[])
      """, ["{\(oids)}"])
    var counts: [UInt32: Int] = [:]
    for row in rows {
      guard let oid = row[0].flatMap({ UInt32($0) }), let count = row[1].flatMap({ Int($0) }) else {
        continue
      }
      counts[oid] = count
    }
    return counts
  }

  /// Whether rows kept for `other` are right for this as well: the same plan over tables that were not rewritten.
  func continues(_ other: CompiledViews) -> Bool {
    plan == other.plan && publications == other.publications
      && other.enumLabels.allSatisfy { enumLabels[$0.key] == $0.value }
      && fingerprint.storage.continues(other.fingerprint.storage)
  }
}

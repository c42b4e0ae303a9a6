import Catalog
import Engine

/// The configured views, compiled against the catalogs of one moment, and what the compilation relied on.
package struct CompiledViews: Sendable {
  let plan: Plan
  /// What the log will say of each table, by OID.
  let tables: [UInt32: PublishedTable]
  /// The publications that carry them.
  let publications: [String]
  let fingerprint: CatalogFingerprint

  /// Whether all views can be kept live, and the publications deliver what they read.
  package static func check(_ configuration: CaptureConfiguration) throws {
    _ = try CompiledViews(configuration, PostgresConnection(configuration.conninfo))
  }

  /// - Parameter connection: may be inside a snapshot.
  init(_ configuration: CaptureConfiguration, _ connection: PostgresConnection) throws {
    guard connection.serverEncoding == "UTF8" else {
      throw Refusal(
        subject: "the database", construct: "its encoding is \(connection.serverEncoding)",
        advice: "views over UTF8 databases can be kept live")
    }
    let loader = CatalogLoader(connection)
    let (catalog, views) = try loader.load(views: configuration.views.map(\.name))
    let appendOnly = Set(
      try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") })
    let requests = zip(views, configuration.views).map {
      ViewCompiler.Request(relation: $0, key: $1.key)
    }
    plan = try ViewCompiler.compile(requests, catalog: catalog, appendOnly: appendOnly)
    let check = PublicationCheck(configuration, plan: plan, appendOnly: appendOnly)
    tables = try check.tables(connection)
    publications = check.publications
    fingerprint = try CatalogFingerprint(
      of: catalog, plan: plan, publications: publications, connection)
  }

  /// Whether rows kept for `other` are right for this as well: the same plan over tables that were not rewritten.
  func continues(_ other: CompiledViews) -> Bool {
    plan == other.plan && publications == other.publications
      && fingerprint.storage.continues(other.fingerprint.storage)
  }
}

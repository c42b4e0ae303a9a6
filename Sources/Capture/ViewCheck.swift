import Catalog
import Engine

/// Compiles the configured views as the database has them now.
package enum ViewCheck {
  /// Whether all of them can be kept live, and the publication delivers what they read.
  package static func check(_ configuration: CaptureConfiguration) throws {
    _ = try plan(configuration, PostgresConnection(configuration.conninfo))
  }

  /// - Parameter connection: may be inside a snapshot.
  static func plan(_ configuration: CaptureConfiguration, _ connection: PostgresConnection) throws
    -> Plan
  {
    let loader = CatalogLoader(connection)
    let (catalog, views) = try loader.load(views: configuration.views.map(\.name))
    let appendOnly = Set(
      try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") })
    let requests = zip(views, configuration.views).map {
      ViewCompiler.Request(relation: $0, key: $1.key)
    }
    let plan = try ViewCompiler.compile(requests, catalog: catalog, appendOnly: appendOnly)
    try PublicationCheck.check(
      configuration, delivers: plan, appendOnly: appendOnly, connection)
    return plan
  }
}

import Catalog
import Engine

/// Which views of a database can be kept live: all of them, or the configured ones.
package struct ViewSurvey {
  package struct Entry {
    package let view: CaptureConfiguration.View
    /// Why it can't be served as things are; nil if it can.
    package let refusal: Refusal?
    /// Why it could not be served after `onhand init` either.
    package let lastingRefusal: Refusal?
  }

  package let entries: [Entry]
  /// What `onhand init` would run for those that could be served afterwards.
  package let statements: [String]

  /// Those that can be served as things are.
  package var servable: [CaptureConfiguration.View] {
    entries.filter { $0.refusal == nil }.map(\.view)
  }

  /// Those that can be served once `onhand init` has run.
  package var preparable: [CaptureConfiguration.View] {
    entries.filter { $0.lastingRefusal == nil }.map(\.view)
  }

  /// - Parameter configuration: without views for all of the database.
  package init(_ configuration: CaptureConfiguration) throws {
    var configuration = configuration
    let connection = try PostgresConnection(configuration.conninfo)
    if configuration.views.isEmpty { configuration.views = try Self.views(connection) }
    let preparation = try Initializer(configuration).preparation()
    let compiled = try CompiledViews(configuration, connection)
    statements = preparation.statements
    entries = configuration.views.map { view in
      Entry(
        view: view, refusal: compiled.refusals[view.name],
        lastingRefusal: preparation.refusals[view.name])
    }
  }

  /// The views that somebody made: not the server's, not ours and not an extension's.
  private static func views(_ connection: PostgresConnection) throws -> [CaptureConfiguration.View]
  {
    let rows = try connection.query(
      """
      SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'onhand')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
          AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e')
      ORDER BY 1
      """)
    return rows.compactMap { $0[0].map { CaptureConfiguration.View(name: $0) } }
  }
}

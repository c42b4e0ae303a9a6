import Catalog
import Engine

/// Prepares a database: schema `onhand`, replica identities, the publication.
///
/// What is there already is left alone, so that it may run any number of times.
package struct Initializer {
  private let configuration: CaptureConfiguration
  private let connection: PostgresConnection

  package init(_ configuration: CaptureConfiguration) throws(PostgresError) {
    self.configuration = configuration
    connection = try PostgresConnection(configuration.conninfo)
  }

  /// The statements that are still to be run, in order.
  package func statements() throws -> [String] {
    let loader = CatalogLoader(connection)
    let (catalog, _) = try loader.load(views: configuration.views.map(\.name))
    let appendOnly = Set(
      try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") })
    let tables = catalog.relations.values
      .filter { $0.kind == .table || $0.kind == .partitionedTable }
      .sorted { $0.name.description < $1.name.description }
    return try migrationStatements()
      + tables.filter { !appendOnly.contains($0.oid) }.compactMap(identityStatement)
      + publicationStatement(
        configuration.publication, tables.filter { !appendOnly.contains($0.oid) },
        publish: "insert, update, delete, truncate")
      + publicationStatement(
        configuration.appendOnlyPublication, tables.filter { appendOnly.contains($0.oid) },
        publish: "insert, truncate")
  }

  /// Runs the statements in one transaction; a lock that is not to be had in 5 s fails it.
  package func run(_ statements: [String]) throws(PostgresError) {
    guard !statements.isEmpty else { return }
    try connection.execute("BEGIN")
    try connection.execute("SET LOCAL lock_timeout = '5s'")
    for statement in statements { try connection.execute(statement) }
    try connection.execute("COMMIT")
  }

  private func migrationStatements() throws -> [String] {
    let hasTable = try connection.query(
      "SELECT pg_catalog.to_regclass('onhand.migrations') IS NOT NULL")[0][0]
    var applied = 0
    if hasTable == "t" {
      let newest = try connection.query("SELECT max(version) FROM onhand.migrations")
      applied = newest[0][0].flatMap { Int($0) } ?? 0
    }
    return Migration.all.filter { $0.version > applied }.flatMap(\.statements)
  }

  /// Without an identity the owner's UPDATE and DELETE would fail once the table is published.
  private func identityStatement(_ table: CatalogSnapshot.Relation) -> String? {
    guard table.replicaIdentity != "f", table.replicaIdentityColumns.isEmpty else { return nil }
    return "ALTER TABLE \(Self.quoted(table.name)) REPLICA IDENTITY FULL"
  }

  private func publicationStatement(
    _ name: String, _ tables: [CatalogSnapshot.Relation], publish: String
  ) throws -> [String] {
    guard !tables.isEmpty else { return [] }
    let list = tables.map { Self.quoted($0.name) }.joined(separator: ", ")
    let publication = PostgresConnection.quote(name)
    let exists = try connection.query(
      "SELECT FROM pg_catalog.pg_publication WHERE pubname = $1", [name])
    guard !exists.isEmpty else {
      return ["CREATE PUBLICATION \(publication) FOR TABLE \(list) WITH (publish = '\(publish)')"]
    }
    let published = try connection.query(
      """
      SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = $1
      """, [name])
    let current = Set(published.map { QualifiedName(schema: $0[0] ?? "", name: $0[1] ?? "") })
    guard current != Set(tables.map(\.name)) else { return [] }
    return ["ALTER PUBLICATION \(publication) SET TABLE \(list)"]
  }

  private static func quoted(_ name: QualifiedName) -> String {
    PostgresConnection.quote(name.schema) + "." + PostgresConnection.quote(name.name)
  }
}

extension CaptureConfiguration {
  /// The publication of tables that are only inserted into: their updates and deletes, were there any, must not fail.
  package var appendOnlyPublication: String { publication + "_append_only" }
}

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
  ///
  /// - Throws: ``Refusal`` for a view that could not be served afterwards: a table that is published without need may fail
  ///   its owner's updates.
  package func statements() throws -> [String] {
    let loader = CatalogLoader(connection)
    var (catalog, views, refusals) = try loader.load(configuration.views)
    if let refusal = refusals.values.first { throw refusal }
    let appendOnly = catalog.withPartitions(
      Set(try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") }))
    var identities: [String] = []
    for relation in catalog.relations.values.sorted(by: {
      $0.name.description < $1.name.description
    })
    where relation.kind == .table && !appendOnly.contains(relation.oid) {
      guard let statement = identityStatement(relation) else { continue }
      identities.append(statement)
      catalog.relations[relation.oid]?.replicaIdentity = "f"
    }
    let requests = views.map { ViewCompiler.Request(relation: $0.1, key: $0.0.key) }
    let plan = try ViewCompiler.compile(requests, catalog: catalog, appendOnly: appendOnly)
    let publications = Publications(configuration, appendOnly: appendOnly)
    return try migrationStatements() + identities
      + publications.remedies(for: plan, catalog, connection)
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
      """
      SELECT EXISTS (SELECT FROM pg_catalog.pg_class
        WHERE oid = pg_catalog.to_regclass('onhand.migrations') AND relkind = 'r')
      """)[0][0]
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
    return "ALTER TABLE \(PostgresConnection.quote(table.name)) REPLICA IDENTITY FULL"
  }
}

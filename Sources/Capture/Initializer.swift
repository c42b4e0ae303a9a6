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

  /// Does what is still to be done, all of it in one transaction; a lock that is not to be had in 5 s fails it.
  ///
  /// The availability view may be made here, so that the others are compiled beside it.
  ///
  /// - Parameter isRehearsal: whether to take it all back.
  /// - Returns: the statements that were run, in order.
  /// - Throws: ``Refusal`` for a view that could not be served afterwards.
  package func prepare(isRehearsal: Bool = false) throws -> [String] {
    try connection.execute("BEGIN")
    try connection.execute("SET LOCAL lock_timeout = '5s'")
    var statements: [String] = []
    if let holds = configuration.holds {
      statements += try execute(migrationStatements())
      statements += try execute(holds.statements(connection))
    }
    statements += try execute(self.statements())
    if configuration.holds != nil { statements += try execute(publishingHolds()) }
    try connection.execute(isRehearsal ? "ROLLBACK" : "COMMIT")
    return statements
  }

  private func execute(_ statements: [String]) throws(PostgresError) -> [String] {
    for statement in statements { try connection.execute(statement) }
    return statements
  }

  /// The log is to tell of holds themselves, which no view may read.
  private func publishingHolds() throws(PostgresError) -> [String] {
    let published = try connection.query(
      """
      SELECT FROM pg_catalog.pg_publication_tables
      WHERE pubname = $1 AND schemaname = 'onhand' AND tablename = 'holds'
      """, [configuration.publication])
    guard published.isEmpty else { return [] }
    return [
      "ALTER PUBLICATION \(PostgresConnection.quote(configuration.publication)) "
        + "ADD TABLE onhand.holds"
    ]
  }

  /// What is to be done, and for which views it would not be enough.
  package struct Preparation {
    /// Still to be run, in order.
    package let statements: [String]
    /// By configured name.
    package let refusals: [String: Refusal]
    let plan: Plan
    let catalog: CatalogSnapshot
  }

  /// The statements that are still to be run, in order.
  ///
  /// - Throws: ``Refusal`` for a view that could not be served afterwards: a table that is published without need may fail
  ///   its owner's updates.
  package func statements() throws -> [String] {
    let preparation = try preparation()
    for view in configuration.views {
      if let refusal = preparation.refusals[view.name] { throw refusal }
    }
    return preparation.statements
  }

  /// What is to be done for the views that could be served afterwards.
  package func preparation() throws -> Preparation {
    let loader = CatalogLoader(connection)
    var (catalog, views, refusals) = try loader.load(configuration.views)
    let appendOnly = catalog.withPartitions(
      Set(try configuration.appendOnly.map { try loader.resolve($0, kinds: "r,p") }))
    var identities: [UInt32: String] = [:]
    for relation in catalog.relations.values where relation.kind == .table {
      guard !appendOnly.contains(relation.oid), let statement = identityStatement(relation) else {
        continue
      }
      identities[relation.oid] = statement
      catalog.relations[relation.oid]?.replicaIdentity = "f"
    }
    var compiler = ViewCompiler(catalog: catalog, appendOnly: appendOnly)
    for (view, oid) in views {
      do throws(Refusal) {
        try compiler.add(ViewCompiler.Request(relation: oid, key: view.key))
      } catch { refusals[view.name] = error }
    }
    let sources = compiler.plan.sources.sorted { $0.name.description < $1.name.description }
    return Preparation(
      statements: try migrationStatements() + sources.compactMap { identities[$0.relation] }
        + Publications(configuration, appendOnly: appendOnly)
        .remedies(for: compiler.plan, catalog, connection),
      refusals: refusals, plan: compiler.plan, catalog: catalog)
  }

  /// Runs the statements in one transaction; a lock that is not to be had in 5 s fails it.
  package func run(_ statements: [String]) throws(PostgresError) {
    guard !statements.isEmpty else { return }
    try connection.execute("BEGIN")
    try connection.execute("SET LOCAL lock_timeout = '5s'")
    _ = try execute(statements)
    try connection.execute("COMMIT")
  }

  private func migrationStatements() throws -> [String] {
    let hasTable = try connection.query(
      """
      SELECT EXISTS (SELECT FROM pg_catalog.pg_class
        WHERE oid = pg_catalog.to_regclass('onhand.migrations') AND relkind = 'r')
      """)[0][0]
    var applied: Set<Int> = []
    if hasTable == "t" {
      let versions = try connection.query("SELECT version FROM onhand.migrations")
      applied = Set(versions.compactMap { $0[0].flatMap { Int($0) } })
    }
    return Migration.all.filter { !applied.contains($0.version) }.flatMap(\.statements)
  }

  /// Without an identity the owner's UPDATE and DELETE would fail once the table is published.
  private func identityStatement(_ table: CatalogSnapshot.Relation) -> String? {
    guard table.replicaIdentity != "f", table.replicaIdentityColumns.isEmpty else { return nil }
    return "ALTER TABLE \(PostgresConnection.quote(table.name)) REPLICA IDENTITY FULL"
  }
}

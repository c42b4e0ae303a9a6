import Catalog
import Engine

/// Makes sure that the publication delivers what a plan reads.
package enum PublicationCheck {
  package static func check(
    _ configuration: CaptureConfiguration, delivers plan: Plan, appendOnly: Set<UInt32>,
    _ connection: PostgresConnection
  ) throws {
    for (name, tables) in [
      (configuration.publication, plan.sources.filter { !appendOnly.contains($0.relation) }),
      (
        configuration.appendOnlyPublication,
        plan.sources.filter { appendOnly.contains($0.relation) }
      ),
    ] where !tables.isEmpty {
      try checkOperations(
        name, isAppendOnly: name == configuration.appendOnlyPublication, connection)
      let published = try publishedTables(name, connection)
      for table in tables { try check(table, published[table.relation], in: name) }
    }
  }

  private static func checkOperations(
    _ name: String, isAppendOnly: Bool, _ connection: PostgresConnection
  ) throws {
    let rows = try connection.query(
      """
      SELECT pubinsert, pubtruncate, pubupdate, pubdelete FROM pg_catalog.pg_publication
      WHERE pubname = $1
      """, [name])
    guard let operations = rows.first else {
      throw refusal(name, "it does not exist", "run `onhand init`")
    }
    guard operations.prefix(isAppendOnly ? 2 : 4).allSatisfy({ $0 == "t" }) else {
      throw refusal(
        name, "it leaves out some of insert, update, delete, truncate",
        "ALTER PUBLICATION \(PostgresConnection.quote(name)) "
          + "SET (publish = 'insert, update, delete, truncate')")
    }
  }

  private static func check(_ source: Plan.Source, _ table: PublishedTable?, in name: String)
    throws
  {
    guard let table else {
      throw refusal(name, "it does not publish \(source.name)", "run `onhand init`")
    }
    guard !table.hasRowFilter else {
      throw refusal(name, "it has a row filter on \(source.name)", "publish the whole table")
    }
    if let missing = source.columns.first(where: { !table.columns.contains($0.name) }) {
      throw refusal(
        name, "it leaves out column \(source.name).\(missing.name)",
        "publish the table without a column list")
    }
  }

  private static func refusal(_ name: String, _ construct: String, _ advice: String) -> Refusal {
    Refusal(subject: "publication \(name)", construct: construct, advice: advice)
  }

  private struct PublishedTable {
    let columns: Set<String>
    let hasRowFilter: Bool
  }

  private static func publishedTables(_ publication: String, _ connection: PostgresConnection)
    throws -> [UInt32: PublishedTable]
  {
    let rows = try connection.query(
      """
      SELECT c.oid, t.rowfilter IS NOT NULL, a.name
      FROM pg_catalog.pg_publication_tables t
      JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
      LEFT JOIN LATERAL unnest(t.attnames) a(name) ON true
      WHERE t.pubname = $1
      """, [publication])
    var tables: [UInt32: PublishedTable] = [:]
    for (oid, columns) in Dictionary(grouping: rows, by: { $0[0].flatMap { UInt32($0) } ?? 0 }) {
      tables[oid] = PublishedTable(
        columns: Set(columns.compactMap { $0[2] }),
        hasRowFilter: columns.contains { $0[1] == "t" })
    }
    return tables
  }
}

import Catalog
import Engine

/// A table as its publication delivers it: what a Relation message must say.
struct PublishedTable: Sendable, Equatable {
  struct Column: Sendable, Equatable {
    let attribute: Int
    let name: String
    let typeOID: UInt32
    let typmod: Int32
  }

  /// In the order of the messages, which is that of their attribute numbers.
  let columns: [Column]
}

/// Makes sure that the publications deliver what a plan reads.
struct PublicationCheck {
  private struct Part {
    let publication: String
    let sources: [Plan.Source]
    let isAppendOnly: Bool

    var operations: String {
      isAppendOnly ? "insert, truncate" : "insert, update, delete, truncate"
    }
  }

  private let parts: [Part]

  /// The publications that the plan's tables need.
  var publications: [String] { parts.map(\.publication) }

  init(_ configuration: CaptureConfiguration, plan: Plan, appendOnly: Set<UInt32>) {
    parts = [
      Part(
        publication: configuration.publication,
        sources: plan.sources.filter { !appendOnly.contains($0.relation) }, isAppendOnly: false),
      Part(
        publication: configuration.appendOnlyPublication,
        sources: plan.sources.filter { appendOnly.contains($0.relation) }, isAppendOnly: true),
    ].filter { !$0.sources.isEmpty }
  }

  /// - Returns: the plan's tables by OID.
  func tables(_ connection: PostgresConnection) throws -> [UInt32: PublishedTable] {
    var tables: [UInt32: PublishedTable] = [:]
    for part in parts {
      try checkOperations(part, connection)
      let published = try Self.published(in: part.publication, connection)
      for source in part.sources {
        tables[source.relation] = try check(source, published[source.relation], part)
      }
    }
    // The server joins what publications say: the log would carry updates of a table that has them in one.
    for part in parts where part.isAppendOnly {
      for other in parts where !other.isAppendOnly {
        let published = try Self.published(in: other.publication, connection)
        if let source = part.sources.first(where: { published[$0.relation] != nil }) {
          throw refusal(
            other.publication, "it publishes updates of \(source.name), which is append-only",
            "take the table out of it, or out of `append_only`")
        }
      }
    }
    return tables
  }

  // MARK: Remedies

  /// The statements that make the publications deliver the plan's tables. Other tables in them are left there: another
  /// configuration may share the publication.
  func remedies(_ connection: PostgresConnection) throws -> [String] {
    try parts.flatMap { part in
      let own = Set(part.sources.map(\.name))
      let other = parts.filter { $0.publication != part.publication }.flatMap(\.sources)
      let tables = try Self.tableNames(in: part.publication, connection)
      let publication = PostgresConnection.quote(part.publication)
      guard let tables else {
        return [
          "CREATE PUBLICATION \(publication) FOR TABLE \(Self.list(own)) "
            + "WITH (publish = '\(part.operations)')"
        ]
      }
      let missing = own.subtracting(tables.all)
      let misplaced = tables.listed.intersection(other.map(\.name))
      return
        (missing.isEmpty
        ? [] : ["ALTER PUBLICATION \(publication) ADD TABLE \(Self.list(missing))"])
        + (misplaced.isEmpty
          ? [] : ["ALTER PUBLICATION \(publication) DROP TABLE \(Self.list(misplaced))"])
    }
  }

  private static func list(_ tables: Set<QualifiedName>) -> String {
    tables.map { PostgresConnection.quote($0) }.sorted().joined(separator: ", ")
  }

  /// The tables of a publication, and those that it names one by one; nil if there is no such publication.
  private static func tableNames(in publication: String, _ connection: PostgresConnection) throws
    -> (all: Set<QualifiedName>, listed: Set<QualifiedName>)?
  {
    func names(_ sql: String) throws -> Set<QualifiedName> {
      Set(
        try connection.query(sql, [publication]).map {
          QualifiedName(schema: $0[0] ?? "", name: $0[1] ?? "")
        })
    }
    let exists = try connection.query(
      "SELECT FROM pg_catalog.pg_publication WHERE pubname = $1", [publication])
    guard !exists.isEmpty else { return nil }
    return (
      try names(
        "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = $1"),
      try names(
        """
        SELECT n.nspname, c.relname FROM pg_catalog.pg_publication_rel r
        JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
        JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE p.pubname = $1
        """)
    )
  }

  // MARK: Checks

  private func checkOperations(_ part: Part, _ connection: PostgresConnection) throws {
    let rows = try connection.query(
      """
      SELECT pubinsert, pubtruncate, pubupdate, pubdelete FROM pg_catalog.pg_publication
      WHERE pubname = $1
      """, [part.publication])
    guard let operations = rows.first else {
      throw refusal(part.publication, "it does not exist", "run `onhand init`")
    }
    guard operations.prefix(part.isAppendOnly ? 2 : 4).allSatisfy({ $0 == "t" }) else {
      throw refusal(
        part.publication, "it leaves out some of \(part.operations)",
        "ALTER PUBLICATION \(PostgresConnection.quote(part.publication)) "
          + "SET (publish = '\(part.operations)')")
    }
  }

  private func check(_ source: Plan.Source, _ entry: Entry?, _ part: Part) throws
    -> PublishedTable
  {
    guard let entry else {
      throw refusal(part.publication, "it does not publish \(source.name)", "run `onhand init`")
    }
    guard !entry.hasRowFilter else {
      throw refusal(
        part.publication, "it has a row filter on \(source.name)", "publish the whole table")
    }
    let attributes = Set(entry.table.columns.map(\.attribute))
    if let missing = source.columns.first(where: { !attributes.contains($0.attribute) }) {
      throw refusal(
        part.publication, "it leaves out column \(source.name).\(missing.name)",
        "publish the table without a column list")
    }
    return entry.table
  }

  private func refusal(_ name: String, _ construct: String, _ advice: String) -> Refusal {
    Refusal(subject: "publication \(name)", construct: construct, advice: advice)
  }

  // MARK: What is published

  private struct Entry {
    let table: PublishedTable
    let hasRowFilter: Bool
  }

  private static func published(in publication: String, _ connection: PostgresConnection) throws
    -> [UInt32: Entry]
  {
    let rows = try connection.query(
      """
      SELECT c.oid, t.rowfilter IS NOT NULL, a.attnum, a.attname, a.atttypid, a.atttypmod
      FROM pg_catalog.pg_publication_tables t
      JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY (t.attnames)
      WHERE t.pubname = $1 AND NOT a.attisdropped
      ORDER BY c.oid, a.attnum
      """, [publication])
    var columns: [UInt32: [PublishedTable.Column]] = [:]
    var filtered: Set<UInt32> = []
    for row in rows {
      let oid = row[0].flatMap { UInt32($0) } ?? 0
      if row[1] == "t" { filtered.insert(oid) }
      columns[oid, default: []].append(
        PublishedTable.Column(
          attribute: row[2].flatMap { Int($0) } ?? 0, name: row[3] ?? "",
          typeOID: row[4].flatMap { UInt32($0) } ?? 0,
          typmod: row[5].flatMap { Int32($0) } ?? -1))
    }
    return columns.reduce(into: [:]) { entries, table in
      entries[table.key] = Entry(
        table: PublishedTable(columns: table.value), hasRowFilter: filtered.contains(table.key))
    }
  }
}

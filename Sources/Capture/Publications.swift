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

/// The publications that carry the tables: one for all operations, one for tables that are only inserted into.
struct Publications {
  private struct Publication {
    let name: String
    let isAppendOnly: Bool

    var operations: String {
      isAppendOnly ? "insert, truncate" : "insert, update, delete, truncate"
    }

    func refusal(_ construct: String, _ advice: String) -> Refusal {
      Refusal(subject: "publication \(name)", construct: construct, advice: advice)
    }
  }

  private let ordinary: Publication
  private let appending: Publication
  private let appendOnly: Set<UInt32>

  init(_ configuration: CaptureConfiguration, appendOnly: Set<UInt32>) {
    ordinary = Publication(name: configuration.publication, isAppendOnly: false)
    appending = Publication(name: configuration.publication + "_append_only", isAppendOnly: true)
    self.appendOnly = appendOnly
  }

  var allNames: [String] { [ordinary.name, appending.name] }

  /// Those that a plan's tables need.
  func names(for plan: Plan) -> [String] {
    [ordinary, appending].filter { !sources(of: plan, in: $0).isEmpty }.map(\.name)
  }

  private func sources(of plan: Plan, in publication: Publication) -> [Plan.Source] {
    plan.sources.filter { appendOnly.contains($0.relation) == publication.isAppendOnly }
  }

  // MARK: What they deliver

  /// Notes of each table in `catalog` whether its changes arrive.
  ///
  /// - Returns: the published tables by OID.
  func inspect(_ catalog: inout CatalogSnapshot, _ connection: PostgresConnection) throws
    -> [UInt32: PublishedTable]
  {
    var published: [UInt32: PublishedTable] = [:]
    let entries = try (
      ordinary: Self.entries(of: ordinary, connection),
      appending: Self.entries(of: appending, connection)
    )
    for (oid, relation) in catalog.relations where relation.kind == .table {
      let isAppendOnly = appendOnly.contains(oid)
      do throws(Refusal) {
        // The server joins what publications say: the log would carry updates of a table that has them in one.
        if isAppendOnly, case .found(let tables) = entries.ordinary, tables[oid] != nil {
          throw ordinary.refusal(
            "it publishes updates of \(relation.name), which is append-only", "run `onhand init`")
        }
        let entry = try Self.entry(
          of: relation, isAppendOnly ? entries.appending : entries.ordinary,
          in: isAppendOnly ? appending : ordinary)
        catalog.relations[oid]?.publication = .complete(
          attributes: Set(entry.columns.map(\.attribute)))
        published[oid] = entry
      } catch {
        catalog.relations[oid]?.publication = .incomplete(error)
      }
    }
    return published
  }

  private enum Entries {
    case missing
    case lacksOperations
    case found([UInt32: Entry])
  }

  private struct Entry {
    var columns: [PublishedTable.Column] = []
    var hasRowFilter = false
  }

  private static func entry(
    of relation: CatalogSnapshot.Relation, _ entries: Entries, in publication: Publication
  ) throws(Refusal) -> PublishedTable {
    switch entries {
    case .missing: throw publication.refusal("it does not exist", "run `onhand init`")
    case .lacksOperations:
      throw publication.refusal(
        "it leaves out some of \(publication.operations)",
        "ALTER PUBLICATION \(PostgresConnection.quote(publication.name)) "
          + "SET (publish = '\(publication.operations)')")
    case .found(let tables):
      guard let entry = tables[relation.oid] else {
        if let root = relation.root, tables[root] != nil {
          throw publication.refusal(
            "it publishes partitions under their root, which hides that one is truncated",
            "ALTER PUBLICATION \(PostgresConnection.quote(publication.name)) "
              + "SET (publish_via_partition_root = false)")
        }
        throw publication.refusal("it does not publish \(relation.name)", "run `onhand init`")
      }
      guard !entry.hasRowFilter else {
        throw publication.refusal(
          "it has a row filter on \(relation.name)", "publish the whole table")
      }
      return PublishedTable(columns: entry.columns)
    }
  }

  private static func entries(of publication: Publication, _ connection: PostgresConnection)
    throws -> Entries
  {
    let operations = try connection.query(
      """
      SELECT pubinsert, pubtruncate, pubupdate, pubdelete FROM pg_catalog.pg_publication
      WHERE pubname = $1
      """, [publication.name])
    guard let first = operations.first else { return .missing }
    guard first.prefix(publication.isAppendOnly ? 2 : 4).allSatisfy({ $0 == "t" }) else {
      return .lacksOperations
    }
    let rows = try connection.query(
      """
      SELECT c.oid, t.rowfilter IS NOT NULL, a.attnum, a.attname, a.atttypid, a.atttypmod
      FROM pg_catalog.pg_publication_tables t
      JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY (t.attnames)
      WHERE t.pubname = $1 AND NOT a.attisdropped
      ORDER BY c.oid, a.attnum
      """, [publication.name])
    var entries: [UInt32: Entry] = [:]
    for row in rows {
      let oid = row[0].flatMap { UInt32($0) } ?? 0
      if row[1] == "t" { entries[oid, default: Entry()].hasRowFilter = true }
      entries[oid, default: Entry()].columns.append(
        PublishedTable.Column(
          attribute: row[2].flatMap { Int($0) } ?? 0, name: row[3] ?? "",
          typeOID: row[4].flatMap { UInt32($0) } ?? 0,
          typmod: row[5].flatMap { Int32($0) } ?? -1))
    }
    return .found(entries)
  }

  // MARK: Remedies

  /// The statements that make the publications deliver a plan's tables. Other tables in them are left there: another
  /// configuration may share the publication.
  func remedies(
    for plan: Plan, _ catalog: CatalogSnapshot, _ connection: PostgresConnection
  ) throws -> [String] {
    try remedies(for: plan, catalog, in: ordinary, connection)
      + remedies(for: plan, catalog, in: appending, connection)
  }

  private func remedies(
    for plan: Plan, _ catalog: CatalogSnapshot, in publication: Publication,
    _ connection: PostgresConnection
  ) throws -> [String] {
    let sources = sources(of: plan, in: publication)
    let own = Set(sources.map { publishedName($0, catalog, publication) })
    let name = PostgresConnection.quote(publication.name)
    let exists = try connection.query(
      "SELECT FROM pg_catalog.pg_publication WHERE pubname = $1", [publication.name])
    if exists.isEmpty {
      guard !own.isEmpty else { return [] }
      return [
        "CREATE PUBLICATION \(name) FOR TABLE \(Self.list(own)) "
          + "WITH (publish = '\(publication.operations)')"
      ]
    }
    let published = try Self.tables(
      "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = $1",
      publication, connection)
    let listed = try Self.tables(
      """
      SELECT n.nspname, c.relname FROM pg_catalog.pg_publication_rel r
      JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
      JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE p.pubname = $1
      """, publication, connection)
    let missing = Set(
      sources.filter { !published.contains($0.name) }
        .map { publishedName($0, catalog, publication) })
    let others = [ordinary, appending].filter { $0.name != publication.name }.flatMap { other in
      self.sources(of: plan, in: other).map { publishedName($0, catalog, other) }
    }
    let misplaced = listed.intersection(others)
    var statements: [String] = []
    if !missing.isEmpty {
      statements.append("ALTER PUBLICATION \(name) ADD TABLE \(Self.list(missing))")
    }
    if !misplaced.isEmpty {
      statements.append("ALTER PUBLICATION \(name) DROP TABLE \(Self.list(misplaced))")
    }
    return statements
  }

  /// The table to name in a publication: the root, so that later partitions are published as well, unless the owner's updates of
  /// a new partition without identity would then fail.
  private func publishedName(
    _ source: Plan.Source, _ catalog: CatalogSnapshot, _ publication: Publication
  ) -> QualifiedName {
    guard let oid = catalog.relations[source.relation]?.root, let root = catalog.relations[oid],
      publication.isAppendOnly || !root.replicaIdentityColumns.isEmpty
    else { return source.name }
    return root.name
  }

  private static func list(_ tables: Set<QualifiedName>) -> String {
    tables.map { PostgresConnection.quote($0) }.sorted().joined(separator: ", ")
  }

  private static func tables(
    _ sql: String, _ publication: Publication, _ connection: PostgresConnection
  ) throws -> Set<QualifiedName> {
    Set(
      try connection.query(sql, [publication.name]).map {
        QualifiedName(schema: $0[0] ?? "", name: $0[1] ?? "")
      })
  }
}

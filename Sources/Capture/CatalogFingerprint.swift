import Catalog
import Engine

/// What the catalogs say of everything that compiled views rely on, in a form that is cheap to compare.
struct CatalogFingerprint: Sendable {
  /// Which files and which column definitions the rows of tables were read under.
  ///
  /// A table whose rows an `ALTER TABLE` computed anew has another file and newer entries for the columns, and the log says
  /// nothing of the rows. `TRUNCATE` and `VACUUM FULL` change the file alone, other forms of `ALTER` the entries alone.
  struct Storage: Sendable, Equatable {
    struct Table: Sendable, Equatable {
      let file: String
      /// Of the columns in use: attribute number and the row version of its entry.
      let columns: String
    }

    fileprivate(set) var tables: [String: Table] = [:]

    func continues(_ other: Storage) -> Bool {
      tables.allSatisfy { oid, table in
        guard let old = other.tables[oid] else { return false }
        return table.file == old.file || table.columns == old.columns
      }
    }
  }

  private let parameters: [String]
  /// Equal as long as the catalogs say the same.
  let digest: String
  let storage: Storage

  init(
    of catalog: CatalogSnapshot, plan: Plan, publications: [String], views: [String],
    _ connection: PostgresConnection
  ) throws {
    let columns = plan.sources.flatMap { source in
      source.columns.map { (source.relation, $0.attribute) }
    }
    parameters = [
      Self.array(catalog.relations.keys.sorted().map(String.init)),
      Self.array(columns.map { String($0.0) }), Self.array(columns.map { String($0.1) }),
      Self.array(catalog.enums.sorted().map(String.init)),
      Self.array(publications),
      Self.array(views.map { $0.split(separator: ".").last.map(String.init) ?? $0 }),
    ]
    digest = try Self.digest(parameters, connection)
    storage = try Self.storage(parameters, connection)
  }

  /// Whether the catalogs still say the same.
  func isCurrent(_ connection: PostgresConnection) throws -> Bool {
    try Self.digest(parameters, connection) == digest
  }

  /// As `array_in` reads it.
  private static func array(_ elements: [String]) -> String {
    let quoted = elements.map { element in
      "\""
        + element.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
    }
    return "{" + quoted.joined(separator: ",") + "}"
  }

  private static func digest(_ parameters: [String], _ connection: PostgresConnection) throws
    -> String
  {
    try connection.query(digestStatement, parameters)[0][0] ?? ""
  }

  private static let digestStatement = PreparedStatement(
    name: "catalog_digest",
    sql: """
      WITH used AS (SELECT * FROM unnest($2::oid[], $3::int[]) AS u(relation, attribute))
      SELECT encode(sha256(convert_to(coalesce(
        string_agg(line::text, E'\\n' ORDER BY line::text), ''), 'UTF8')), 'hex')
      FROM (
        SELECT row('relation', c.oid, n.nspname, c.relname, c.relkind, c.relpersistence,
          c.relreplident, c.relrowsecurity, c.relforcerowsecurity, c.relowner)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = ANY ($1::oid[])
        UNION ALL
        SELECT row('name', c.oid, n.nspname, c.relname)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = ANY ($6::name[])
        UNION ALL
        SELECT row('rule', ev_class, oid, xmin) FROM pg_catalog.pg_rewrite
        WHERE ev_class = ANY ($1::oid[]) AND ev_type = '1'
        UNION ALL
        SELECT row('column', a.attrelid, a.attnum, a.attname, a.xmin)
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
          AND (c.relkind IN ('v', 'm')
            OR EXISTS (SELECT FROM used WHERE relation = a.attrelid AND attribute = a.attnum))
        UNION ALL
        SELECT row('index', indexrelid, indrelid, indkey, indisprimary, indisreplident,
          indisunique, indimmediate, indisvalid)
        FROM pg_catalog.pg_index WHERE indrelid = ANY ($1::oid[])
        UNION ALL
        SELECT row('child', inhparent, inhrelid) FROM pg_catalog.pg_inherits
        WHERE inhparent = ANY ($1::oid[])
        UNION ALL
        SELECT row('label', enumtypid, oid, enumlabel) FROM pg_catalog.pg_enum
        WHERE enumtypid = ANY ($4::oid[])
        UNION ALL
        SELECT row('publication', oid, xmin, pubname, pubinsert, pubupdate, pubdelete, pubtruncate)
        FROM pg_catalog.pg_publication WHERE pubname = ANY ($5::name[])
        UNION ALL
        SELECT row('member', r.oid, p.pubname, r.prrelid)
        FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = ANY ($5::name[])
        UNION ALL
        SELECT row('published', t.pubname, t.schemaname, t.tablename, t.attnames, t.rowfilter)
        FROM pg_catalog.pg_publication_tables t WHERE t.pubname = ANY ($5::name[])
      ) AS lines(line)
      """)

  private static func storage(_ parameters: [String], _ connection: PostgresConnection) throws
    -> Storage
  {
    let rows = try connection.query(
      """
      SELECT c.oid, c.relfilenode,
        string_agg(row(a.attnum, a.xmin)::text, ',' ORDER BY a.attnum)
      FROM unnest($1::oid[], $2::int[]) AS used(relation, attribute)
      JOIN pg_catalog.pg_class c ON c.oid = used.relation
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = used.attribute
      GROUP BY c.oid, c.relfilenode
      """, Array(parameters[1...2]))
    var storage = Storage()
    for row in rows {
      storage.tables[row[0] ?? ""] = Storage.Table(file: row[1] ?? "", columns: row[2] ?? "")
    }
    return storage
  }
}

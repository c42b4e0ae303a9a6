import Catalog
import Engine

/// Reads from the system catalogs what compiling views takes, all of it as of one transaction.
package struct CatalogLoader {
  private let connection: PostgresConnection

  package init(_ connection: PostgresConnection) { self.connection = connection }

  /// Loads the configured views and everything below them.
  ///
  /// - Returns: the catalogs, the views found with their OIDs, and why others were not, by name.
  package func load(_ configured: [CaptureConfiguration.View]) throws -> (
    CatalogSnapshot, [(CaptureConfiguration.View, UInt32)], [String: Refusal]
  ) {
    var snapshot = CatalogSnapshot()
    snapshot.serverMajor = connection.serverVersion / 10_000
    var views: [(CaptureConfiguration.View, UInt32)] = []
    var refusals: [String: Refusal] = [:]
    for view in configured {
      do { views.append((view, try resolve(view.name, kinds: "v,m,r,p,f"))) } catch let refusal
        as Refusal
      { refusals[view.name] = refusal }
    }
    var wanted = Set(views.map(\.1))
    var roots: [UInt32: UInt32] = [:]
    while !wanted.isEmpty {
      try loadRelations(wanted, &snapshot)
      let partitions = try loadPartitions(of: wanted, &snapshot)
      roots.merge(partitions) { outer, _ in outer }
      wanted = Self.reads(of: snapshot).union(partitions.keys).subtracting(snapshot.relations.keys)
    }
    for (partition, root) in roots { snapshot.relations[partition]?.root = root }
    try loadRowSecurity(&snapshot)
    try loadFunctions(&snapshot)
    try loadTypes(&snapshot)
    try loadCollations(&snapshot)
    return (snapshot, views, refusals)
  }

  /// The OID of the relation called `schema.name`, or `name` where only one schema has it.
  package func resolve(_ name: String, kinds: String) throws -> UInt32 {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    let rows = try connection.query(
      """
      SELECT c.oid, n.nspname FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = $1 AND ($2::text IS NULL OR n.nspname = $2)
        AND c.relkind::text = ANY (string_to_array($3, ','))
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      ORDER BY n.nspname
      """, [parts.last, parts.count == 2 ? parts[0] : nil, kinds])
    guard let first = rows.first, let oid = first[0].flatMap({ UInt32($0) }) else {
      throw Refusal(
        subject: name, construct: "it does not exist",
        advice: "check the name and the database, or create it")
    }
    guard rows.count == 1 else {
      let schemas = rows.compactMap { $0[1] }.joined(separator: ", ")
      throw Refusal(
        subject: name, construct: "schemas \(schemas) each have one",
        advice: "write schema.\(name) in the configuration")
    }
    return oid
  }

  /// The relations that the loaded definitions name.
  private static func reads(of snapshot: CatalogSnapshot) -> Set<UInt32> {
    var oids: Set<UInt32> = []
    for relation in snapshot.relations.values {
      relation.rule?.walk { node in
        if node.tag == "RANGETBLENTRY", node.int("rtekind") == 0 { oids.insert(node.oid("relid")) }
      }
    }
    return oids.subtracting([0])
  }

  private static func array(_ oids: some Sequence<UInt32>) -> String {
    "{" + oids.sorted().map(String.init).joined(separator: ",") + "}"
  }

  // MARK: Relations

  private func loadRelations(_ oids: Set<UInt32>, _ snapshot: inout CatalogSnapshot) throws {
    let rows = try connection.query(
      """
      SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.reltuples,
        EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
        r.ev_action, CASE WHEN r.oid IS NULL THEN '' ELSE pg_catalog.pg_get_viewdef(c.oid) END
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid AND r.ev_type = '1'
      WHERE c.oid = ANY ($1::oid[])
      """, [Self.array(oids)])
    var loaded: [UInt32: CatalogSnapshot.Relation] = [:]
    for row in rows {
      let relation = try Self.relation(row)
      loaded[relation.oid] = relation
    }
    try loadColumns(&loaded)
    try loadIndexes(&loaded)
    snapshot.relations.merge(loaded) { _, new in new }
  }

  private static func relation(_ row: [String?]) throws -> CatalogSnapshot.Relation {
    var relation = CatalogSnapshot.Relation(
      oid: oid(row[0]), name: QualifiedName(schema: row[1] ?? "", name: row[2] ?? ""),
      kind: CatalogSnapshot.Relation.Kind(rawValue: row[3] ?? "") ?? .other,
      persistence: row[4] ?? "", replicaIdentity: row[5] ?? "")
    relation.estimatedRows = row[6].flatMap { Double($0) } ?? 0
    relation.hasInheritors = row[7] == "t"
    relation.rule = try row[8].map { try NodeTreeParser.parse($0) }
    relation.definition = row[9] ?? ""
    return relation
  }

  /// Notes the leaves under partitioned tables.
  ///
  /// - Returns: everything below these tables, each with the table.
  private func loadPartitions(of oids: Set<UInt32>, _ snapshot: inout CatalogSnapshot) throws
    -> [UInt32: UInt32]
  {
    let tables = oids.filter { snapshot.relations[$0]?.kind == .partitionedTable }
    guard !tables.isEmpty else { return [:] }
    let rows = try connection.query(
      """
      SELECT root, p.relid::oid, p.isleaf
      FROM unnest($1::oid[]) AS root, pg_catalog.pg_partition_tree(root::regclass) AS p
      WHERE p.relid <> root ORDER BY root, p.relid::oid
      """, [Self.array(tables)])
    var roots: [UInt32: UInt32] = [:]
    for row in rows {
      let (root, partition) = (Self.oid(row[0]), Self.oid(row[1]))
      roots[partition] = root
      if row[2] == "t" { snapshot.relations[root]?.partitions.append(partition) }
    }
    return roots
  }

  /// A view reads its tables as its owner: row security must bind neither the owners of the views nor us.
  private func loadRowSecurity(_ snapshot: inout CatalogSnapshot) throws {
    let rows = try connection.query(
      """
      SELECT t.oid FROM pg_catalog.pg_class t
      WHERE t.oid = ANY ($1::oid[]) AND t.relrowsecurity AND EXISTS (
        SELECT FROM pg_catalog.pg_roles r
        WHERE NOT r.rolsuper AND NOT r.rolbypassrls
          AND (t.relforcerowsecurity OR NOT pg_catalog.pg_has_role(r.oid, t.relowner, 'USAGE'))
          AND (r.rolname = current_user OR r.oid IN (
            SELECT v.relowner FROM pg_catalog.pg_class v
            WHERE v.oid = ANY ($1::oid[]) AND v.relkind IN ('v', 'm'))))
      """, [Self.array(snapshot.relations.keys)])
    for row in rows { snapshot.relations[Self.oid(row[0])]?.bindsRowSecurity = true }
  }

  private func loadColumns(_ relations: inout [UInt32: CatalogSnapshot.Relation]) throws {
    let rows = try connection.query(
      """
      SELECT attrelid, attnum, attname, atttypid,
        pg_catalog.format_type(atttypid, atttypmod),
        attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
          WHERE conrelid = attrelid AND contype = 'n' AND conkey = ARRAY[attnum]
            AND NOT convalidated),
        attgenerated <> '', attcollation
      FROM pg_catalog.pg_attribute
      WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped
      ORDER BY attrelid, attnum
      """, [Self.array(relations.keys)])
    for row in rows {
      var column = CatalogSnapshot.Relation.Column(
        attribute: row[1].flatMap { Int($0) } ?? 0, name: row[2] ?? "",
        typeOID: Self.oid(row[3]), typeName: row[4] ?? "", isNotNull: row[5] == "t",
        isGenerated: row[6] == "t")
      column.collation = Self.oid(row[7])
      relations[Self.oid(row[0])]?.columns.append(column)
    }
  }

  private func loadIndexes(_ relations: inout [UInt32: CatalogSnapshot.Relation]) throws {
    let rows = try connection.query(
      """
      SELECT indrelid, indkey, indnkeyatts, indisprimary, indisreplident,
        indisunique AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL
      FROM pg_catalog.pg_index WHERE indrelid = ANY ($1::oid[])
      ORDER BY indrelid, indisprimary DESC, indexrelid
      """, [Self.array(relations.keys)])
    for row in rows {
      let oid = Self.oid(row[0])
      guard let relation = relations[oid] else { continue }
      let count = row[2].flatMap { Int($0) } ?? 0
      let key = (row[1] ?? "").split(separator: " ").prefix(count).compactMap { Int($0) }
      let isNotNull = key.allSatisfy { relation.column($0)?.isNotNull ?? false }
      if row[5] == "t", isNotNull { relations[oid]?.uniqueKeys.append(key) }
      // A deferrable primary key is no identity.
      let identifies =
        relation.replicaIdentity == "i"
        ? row[4] == "t" : relation.replicaIdentity == "d" && row[3] == "t" && row[5] == "t"
      if identifies { relations[oid]?.replicaIdentityColumns = key }
    }
  }

  // MARK: Functions, types, collations

  private func loadFunctions(_ snapshot: inout CatalogSnapshot) throws {
    var oids: Set<UInt32> = []
    for relation in snapshot.relations.values {
      relation.rule?.walk { node in
        for field in ["funcid", "opfuncid", "aggfnoid"] { oids.insert(node.oid(field)) }
      }
    }
    let rows = try connection.query(
      """
      SELECT p.oid, p.proname, CASE WHEN l.lanname = 'internal' THEN p.prosrc END,
        p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace, p.provolatile = 'v' OR p.provolatile = 's'
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
      WHERE p.oid = ANY ($1::oid[])
      """, [Self.array(oids.subtracting([0]))])
    for row in rows {
      snapshot.functions[Self.oid(row[0])] = CatalogSnapshot.Function(
        name: row[1] ?? "", internalName: row[2], isSystem: row[3] == "t", isVolatile: row[4] == "t"
      )
    }
  }

  private func loadTypes(_ snapshot: inout CatalogSnapshot) throws {
    var oids: Set<UInt32> = []
    for relation in snapshot.relations.values {
      oids.formUnion(relation.columns.map(\.typeOID))
      relation.rule?.walk { node in
        for field in ["consttype", "funcresulttype", "opresulttype", "resulttype", "casetype"] {
          oids.insert(node.oid(field))
        }
      }
    }
    let types = Self.array(oids.subtracting([0]))
    let rows = try connection.query(
      """
      SELECT oid, typtype, pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type
      WHERE oid = ANY ($1::oid[])
      """, [types])
    for row in rows {
      snapshot.typeNames[Self.oid(row[0])] = row[2]
      if row[1] == "e" { snapshot.enums.insert(Self.oid(row[0])) }
    }
    let labels = try connection.query(
      """
      SELECT oid, enumtypid, enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = ANY ($1::oid[])
      ORDER BY enumtypid, enumsortorder
      """, [types])
    for row in labels {
      snapshot.enumLabels[Self.oid(row[0])] = row[2]
      snapshot.enumOrders[Self.oid(row[1]), default: []].append(row[2] ?? "")
    }
  }

  private func loadCollations(_ snapshot: inout CatalogSnapshot) throws {
    // Provider "b" is the server's own, which orders by code point, as UTF-8 bytes do. Its locale is in
    // columns that only its versions have.
    let rows = try connection.query(
      """
      SELECT c.oid, c.collisdeterministic,
        CASE c.collprovider WHEN 'd' THEN d.datlocprovider = 'b'
            OR (d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))
          WHEN 'c' THEN c.collcollate IN ('C', 'POSIX') ELSE c.collprovider = 'b' END,
        CASE c.collprovider WHEN 'd' THEN CASE d.datlocprovider
            WHEN 'c' THEN d.datctype IN ('C', 'POSIX')
            ELSE pg_catalog.to_jsonb(d) ->> 'datlocale' = 'C' END
          WHEN 'c' THEN c.collctype IN ('C', 'POSIX')
          ELSE pg_catalog.to_jsonb(c) ->> 'colllocale' = 'C' END
      FROM pg_catalog.pg_collation c, pg_catalog.pg_database d
      WHERE d.datname = pg_catalog.current_database()
      """)
    for row in rows {
      if row[1] == "f" { snapshot.nondeterministicCollations.insert(Self.oid(row[0])) }
      if row[2] == "t" { snapshot.byteOrderedCollations.insert(Self.oid(row[0])) }
      if row[3] == "t" { snapshot.asciiCaseCollations.insert(Self.oid(row[0])) }
    }
  }

  private static func oid(_ text: String?) -> UInt32 { text.flatMap { UInt32($0) } ?? 0 }
}

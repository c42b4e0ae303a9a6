import Catalog
import Engine

/// Makes a database ready for holds: their tables, and a view of what is available over the user's view of stock.
package struct HoldInstallation: Sendable {
  /// The view that tells what is available, as configured.
  package var view: String
  package var columns: AvailabilityColumns
  /// The view, or table, of stock to make it from; nil where it is there already.
  package var stock: String?
  /// May settle, confirm and release holds in SQL; nil for nobody but the tables' owner.
  package var shopRole: String?

  package init(
    view: String, columns: AvailabilityColumns, stock: String? = nil, shopRole: String? = nil
  ) {
    self.view = view
    self.columns = columns
    self.stock = stock
    self.shopRole = shopRole
  }

  /// The statements that are still to be run, in order, behind the migrations.
  func statements(_ connection: PostgresConnection) throws -> [String] {
    let source = try relation(stock ?? view, connection)
    var statements = try tables(key(source), connection)
    if stock != nil { statements += try viewStatements(over: source, connection) }
    return statements + (shopRole.map(HoldSchema.grants) ?? [])
  }

  /// - Throws: ``Refusal`` where holds can't be judged: the view takes no account of them, or the log does not tell of them.
  func check(
    _ plan: Plan, _ configuration: CaptureConfiguration, _ connection: PostgresConnection
  ) throws {
    guard let found = plan.views.first(where: { $0.name.isCalled(view) }) else {
      return try checkExistence(connection)
    }
    let (schema, version) = (
      HoldSchema(key: try key(relation(view, connection))), try version(connection)
    )
    guard version == HoldSchema.version else {
      throw Refusal(
        subject: "onhand.holds",
        construct:
          "it is of version \(version.map(String.init) ?? "none"), not \(HoldSchema.version)",
        advice: "run `onhand init`")
    }
    try compare(schema, connection)
    let tables = plan.tables(below: found.node)
    guard tables.contains(QualifiedName(schema: "onhand", name: "hold_lines")) else {
      throw refusal(
        "it takes no account of holds",
        "run `onhand init --availability-from VIEW`, or subtract onhand.hold_lines yourself")
    }
    let published = try connection.query(
      """
      SELECT FROM pg_catalog.pg_publication_tables
      WHERE pubname = $1 AND schemaname = 'onhand' AND tablename = 'holds'
      """, [configuration.publication])
    guard !published.isEmpty else {
      throw Refusal(
        subject: "publication \(configuration.publication)",
        construct: "it does not publish onhand.holds", advice: "run `onhand init`")
    }
  }

  private func checkExistence(_ connection: PostgresConnection) throws {
    let name = view.split(separator: ".").last.map(String.init)
    let found = try connection.query(
      "SELECT FROM pg_catalog.pg_class WHERE relname = $1 AND relkind IN ('v', 'm')", [name])
    guard found.isEmpty else { return }
    throw refusal(
      "it does not exist",
      "make it with `onhand init --availability-from VIEW`, over a view of stock")
  }

  // MARK: Tables

  private func tables(_ key: [HoldSchema.KeyColumn], _ connection: PostgresConnection) throws
    -> [String]
  {
    let schema = HoldSchema(key: key)
    guard let version = try version(connection) else { return schema.statements }
    try compare(schema, connection)
    return version < HoldSchema.version ? schema.upgrade : []
  }

  /// Of the tables that are there; nil where there are none.
  private func version(_ connection: PostgresConnection) throws -> Int? {
    let comments = try connection.query(
      """
      SELECT coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') FROM pg_catalog.pg_class c
      WHERE c.oid = pg_catalog.to_regclass('onhand.holds')
      """)
    return comments.first.map { $0[0].flatMap(HoldSchema.version) ?? 1 }
  }

  /// - Throws: ``Refusal`` where the lines that are there have another key.
  private func compare(_ schema: HoldSchema, _ connection: PostgresConnection) throws {
    let present = try connection.query(
      """
      SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = pg_catalog.to_regclass('onhand.hold_lines') AND a.attnum > 0
        AND NOT a.attisdropped
        AND a.attname NOT IN ('hold_id', 'line', 'requested', 'quantity', 'status')
      """)
    let found = present.map { "\($0[0] ?? "") \($0[1] ?? "")" }.sorted().joined(separator: ", ")
    let wanted = schema.key.map { "\($0.name) \($0.type)" }.sorted().joined(separator: ", ")
    guard found != wanted else { return }
    throw refusal(
      "its key is (\(wanted)), that of onhand.hold_lines (\(found))",
      "keep one availability view in a database, or drop onhand.holds and onhand.hold_lines")
  }

  // MARK: The view

  private struct Relation {
    let name: QualifiedName
    struct Column {
      let name: String
      /// As `format_type` prints it.
      let type: String
      /// Where it is not the type's own.
      let collation: String?
    }

    let columns: [Column]
  }

  private func relation(_ name: String, _ connection: PostgresConnection) throws -> Relation {
    let oid = try CatalogLoader(connection).resolve(name, kinds: "v,m,r,p")
    let rows = try connection.query(
      """
      SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL),
        pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(l.collname)
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
      JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation AND l.oid <> t.typcollation
      LEFT JOIN pg_catalog.pg_namespace m ON m.oid = l.collnamespace
      WHERE c.oid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
      """, [String(oid)])
    return Relation(
      name: QualifiedName(schema: rows.first?[0] ?? "", name: rows.first?[1] ?? ""),
      columns: rows.map {
        Relation.Column(name: $0[2] ?? "", type: $0[3] ?? "", collation: $0[4])
      })
  }

  private func column(_ name: String, _ relation: Relation) throws -> Relation.Column {
    guard let found = relation.columns.first(where: { $0.name == name }) else {
      throw refusal(
        "\(relation.name) has no column \"\(name)\"",
        "name its columns in availability: \(relation.columns.map(\.name).joined(separator: ", "))")
    }
    return found
  }

  private func key(_ relation: Relation) throws -> [HoldSchema.KeyColumn] {
    try columns.key.map { configured in
      let found = try column(configured.column, relation)
      guard Self.keyTypes.contains(found.type) else {
        throw refusal(
          "\(found.name) is of type \(found.type)",
          "holds are keyed by \(Self.keyTypes.joined(separator: ", ")): cast it in the view")
      }
      return HoldSchema.KeyColumn(
        name: configured.name, type: found.type, collation: found.collation)
    }
  }

  /// Those whose values have one text each that Onhand and PostgreSQL read alike, whatever the session's settings.
  private static let keyTypes = [
    "smallint", "integer", "bigint", "numeric", "text", "character varying", "uuid", "date",
  ]
  private static let quantityTypes = ["smallint", "integer", "bigint", "numeric"]

  private func viewStatements(over stock: Relation, _ connection: PostgresConnection) throws
    -> [String]
  {
    guard let held = columns.held, let available = columns.available else {
      throw refusal("availability names no held or no available", "name both columns to be made")
    }
    let units = try column(columns.onHand, stock).type
    guard Self.quantityTypes.contains(units) else {
      throw refusal("\(columns.onHand) is of type \(units)", "units are integer or numeric")
    }
    if let taken = stock.columns.first(where: { [held, available].contains($0.name) }) {
      throw refusal(
        "\(stock.name) has a column \"\(taken.name)\" already",
        "give another name in availability.held or availability.available")
    }
    let target = qualified(view, in: stock.name.schema)
    guard target != stock.name else {
      throw refusal("it is the view of stock itself", "give availability.view a name of its own")
    }
    let made = try connection.query(
      """
      SELECT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
          AND r.ev_class = c.oid AND d.refobjid = pg_catalog.to_regclass('onhand.hold_lines'))
      FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
      """, [PostgresConnection.quote(target)])
    switch made.first?[0] {
    case nil: return [definition(target, stock, held, available)]
    case "t": return []
    default:
      throw refusal(
        "it is there already and takes no account of holds",
        "drop it, or give availability.view another name")
    }
  }

  private func qualified(_ name: String, in schema: String) -> QualifiedName {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    return parts.count == 2
      ? QualifiedName(schema: parts[0], name: parts[1]) : QualifiedName(schema: schema, name: name)
  }

  private func definition(
    _ target: QualifiedName, _ stock: Relation, _ held: String, _ available: String
  ) -> String {
    func quote(_ name: String) -> String { PostgresConnection.quote(name) }
    let shown = stock.columns.map { "s.\(quote($0.name))" }.joined(separator: ", ")
    let key = columns.key.map { quote($0.name) }.joined(separator: ", ")
    let isSame = columns.key.map { "h.\(quote($0.name)) = s.\(quote($0.column))" }
    return """
      CREATE VIEW \(PostgresConnection.quote(target)) AS
      SELECT \(shown), coalesce(h.held, 0) AS \(quote(held)),
        s.\(quote(columns.onHand)) - coalesce(h.held, 0) AS \(quote(available))
      FROM \(PostgresConnection.quote(stock.name)) s LEFT JOIN (
        SELECT \(key), sum(quantity) AS held FROM onhand.hold_lines
        WHERE status IN ('held', 'confirmed') GROUP BY \(key)) h
      ON \(isSame.joined(separator: " AND "))
      """
  }

  private func refusal(_ construct: String, _ advice: String) -> Refusal {
    Refusal(subject: "availability view \(view)", construct: construct, advice: advice)
  }
}

extension Plan {
  /// The tables that a node reads.
  fileprivate func tables(below node: NodeID) -> Set<QualifiedName> {
    var found: Set<QualifiedName> = []
    var open = [node]
    var seen: Set<NodeID> = []
    while let next = open.popLast() {
      guard seen.insert(next).inserted else { continue }
      if case .source(let index) = nodes[next] { found.insert(sources[index].name) }
      open += inputs(of: next)
    }
    return found
  }
}

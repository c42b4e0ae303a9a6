import Engine

/// Compiles the definitions of views, as Postgres analyzed them, to a plan.
///
/// Each view becomes one node, whoever reads it. What can't be kept live is refused by view and construct.
package struct ViewCompiler {
  /// A view to serve, and the key that the configuration gives it.
  package struct Request: Sendable {
    package let relation: UInt32
    package let key: [String]?

    package init(relation: UInt32, key: [String]?) {
      self.relation = relation
      self.key = key
    }
  }

  let catalog: CatalogSnapshot
  /// Tables that the configuration promises are only inserted into.
  let appendOnly: Set<UInt32>
  package internal(set) var plan = Plan()
  private var compiledViews: [UInt32: CompiledRelation] = [:]
  private var viewsInProgress: Set<UInt32> = []
  private var sources: [UInt32: Int] = [:]
  /// Of the view at hand; told last, as what the view itself contains can't be mended by `onhand init`.
  private var undelivered: Refusal?

  package init(catalog: CatalogSnapshot, appendOnly: Set<UInt32>) {
    self.catalog = catalog
    self.appendOnly = appendOnly
  }

  package static func compile(
    _ requests: [Request], catalog: CatalogSnapshot, appendOnly: Set<UInt32>
  ) throws(Refusal) -> Plan {
    var compiler = ViewCompiler(catalog: catalog, appendOnly: appendOnly)
    for request in requests { try compiler.add(request) }
    return compiler.plan
  }

  /// Adds a view to ``plan``; a refusal leaves the plan as it was.
  package mutating func add(_ request: Request) throws(Refusal) {
    var extended = self
    try extended.addView(request)
    self = extended
  }

  private mutating func addView(_ request: Request) throws(Refusal) {
    guard let relation = catalog.relations[request.relation] else {
      throw Refusal(
        subject: "relation \(request.relation)", construct: "it does not exist",
        advice: "name an existing view")
    }
    let compiled = try view(relation)
    if let undelivered { throw undelivered }
    let columns = compiled.visible.indices.map { index in
      Plan.View.Column(
        name: compiled.names[index], type: compiled.visible[index],
        typeName: relation.columns[index].typeName)
    }
    let visible = Array(columns.indices)
    plan.views.append(
      Plan.View(
        name: relation.name, node: compiled.node, columns: columns,
        key: try key(request.key, of: compiled, relation), identity: compiled.identity ?? visible,
        definition: relation.definition))
  }

  /// The configured key, or the shortest that follows from the definition; empty for the whole row.
  private func key(
    _ configured: [String]?, of compiled: CompiledRelation, _ relation: CatalogSnapshot.Relation
  ) throws(Refusal) -> [Int] {
    if let configured { return try configuredKey(configured, compiled, relation) }
    guard let identity = compiled.identity else { return [] }
    let visible = Set(compiled.visible.indices)
    let usable = compiled.visible.indices.filter { compiled.visible[$0].hasEquality }
    guard compiled.dependencies.closure(of: Set(usable)).isSuperset(of: identity) else { return [] }
    // Identity columns last in the order of removal, so that they stay.
    let rest = usable.filter { !identity.contains($0) }
    var kept = identity.filter { visible.contains($0) } + rest
    for column in kept.reversed() {
      let without = kept.filter { $0 != column }
      if compiled.dependencies.closure(of: Set(without)).isSuperset(of: identity) { kept = without }
    }
    return kept.sorted()
  }

  private func configuredKey(
    _ names: [String], _ compiled: CompiledRelation, _ relation: CatalogSnapshot.Relation
  ) throws(Refusal) -> [Int] {
    var key: [Int] = []
    for name in names {
      guard let index = compiled.names.firstIndex(of: name) else {
        throw Refusal(
          subject: relation.name.description, construct: "its key names \"\(name)\"",
          advice: "it has no such column; its columns are \(compiled.names.joined(separator: ", "))"
        )
      }
      guard compiled.visible[index].hasEquality else {
        throw Refusal(
          subject: relation.name.description, construct: "its key names \"\(name)\"",
          advice: "a column of type \(relation.columns[index].typeName) can't be part of a key")
      }
      key.append(index)
    }
    return key
  }

  // MARK: Relations

  /// A relation that a query reads: a table, or a view compiled once.
  mutating func relation(_ oid: UInt32, readBy view: String) throws(Refusal) -> CompiledRelation {
    guard let relation = catalog.relations[oid] else {
      throw Refusal(
        subject: view, construct: "it reads relation \(oid)",
        advice: "which is not in the catalog; check that it still exists")
    }
    switch relation.kind {
    case .view, .materializedView: return try self.view(relation)
    case .table, .partitionedTable: return try table(relation)
    case .foreignTable, .other:
      throw Refusal(
        subject: view, construct: "it reads \(relation.name)",
        advice: "only tables that write to the WAL, and views on them, can be followed")
    }
  }

  private mutating func view(_ relation: CatalogSnapshot.Relation) throws(Refusal)
    -> CompiledRelation
  {
    if let compiled = compiledViews[relation.oid] { return compiled }
    guard relation.kind == .view || relation.kind == .materializedView else {
      throw Refusal(
        subject: relation.name.description, construct: "it is a table",
        advice: "live views are views; CREATE VIEW ... AS SELECT ... FROM \(relation.name)")
    }
    guard let query = relation.rule?.elements.first else {
      throw Refusal(
        subject: relation.name.description, construct: "it has no SELECT rule",
        advice: "create it again with CREATE VIEW")
    }
    // CREATE OR REPLACE VIEW lets views read each other; only a query finds out.
    guard viewsInProgress.insert(relation.oid).inserted else {
      throw Refusal(
        subject: relation.name.description, construct: "it reads itself",
        advice: "Postgres can't query it either; define it again")
    }
    defer { viewsInProgress.remove(relation.oid) }
    // PG <= 15 keeps the names that the view was created with: a renamed column shows in pg_attribute only.
    var compiled = try QueryCompiler.compile(
      query, of: relation.name.description, outerQueries: [], in: &self)
    compiled.names = relation.columns.map(\.name)
    compiledViews[relation.oid] = compiled
    return compiled
  }

  private mutating func table(_ relation: CatalogSnapshot.Relation) throws(Refusal)
    -> CompiledRelation
  {
    let index: Int
    if let known = sources[relation.oid] {
      index = known
    } else {
      try checkCanBeFollowed(relation)
      if case .incomplete(let refusal) = relation.publication { undelivered = refusal }
      index = try addSource(relation)
    }
    let source = plan.sources[index]
    return CompiledRelation(
      node: source.node, visible: [], names: [], source: index,
      estimatedRows: relation.estimatedRows)
  }

  private func checkCanBeFollowed(_ relation: CatalogSnapshot.Relation) throws(Refusal) {
    let name = relation.name.description
    guard relation.persistence == "p" else {
      throw Refusal(
        subject: name, construct: "it is unlogged or temporary",
        advice: "its changes are not in the WAL; ALTER TABLE \(name) SET LOGGED")
    }
    guard relation.kind == .table, !relation.hasInheritors else {
      throw Refusal(
        subject: name, construct: "it is partitioned or has inheritance children",
        advice: "not supported yet; name a plain table in the view")
    }
    guard !relation.bindsRowSecurity else {
      throw Refusal(
        subject: name, construct: "row security applies to this role or to a view's owner",
        advice: "let the views belong to the table's owner or to a role with BYPASSRLS, "
          + "and connect as such a role")
    }
    guard relation.name.schema != "pg_catalog", relation.name.schema != "information_schema" else {
      throw Refusal(
        subject: name, construct: "it is a system catalog", advice: "these are not replicated")
    }
  }

  private mutating func addSource(_ relation: CatalogSnapshot.Relation) throws(Refusal) -> Int {
    let index = plan.sources.count
    let node = plan.add(.source(index))
    plan.sources.append(
      Plan.Source(
        relation: relation.oid, name: relation.name, columns: [], identity: .full, node: node))
    sources[relation.oid] = index
    if relation.replicaIdentity == "f" || appendOnly.contains(relation.oid) { return index }
    guard !relation.replicaIdentityColumns.isEmpty else {
      throw Refusal(
        subject: relation.name.description, construct: "it has no replica identity",
        advice: "its updates and deletes can't be followed; run `onhand init`, or "
          + "ALTER TABLE \(relation.name) REPLICA IDENTITY FULL")
    }
    var key: [Int] = []
    for attribute in relation.replicaIdentityColumns {
      key.append(
        try sourceColumn(attribute, of: index, readBy: relation.name.description).index)
    }
    plan.sources[index].identity = .key(key)
    return index
  }

  /// The column of a table by attribute number, added to what is read of it.
  mutating func sourceColumn(_ attribute: Int, of source: Int, readBy view: String) throws(Refusal)
    -> Expression.Column
  {
    let columns = plan.sources[source].columns
    if let index = columns.firstIndex(where: { $0.attribute == attribute }) {
      return Expression.Column(index: index, type: columns[index].type)
    }
    let name = plan.sources[source].name
    guard let column = catalog.relations[plan.sources[source].relation]?.column(attribute) else {
      throw Refusal(
        subject: view, construct: "it reads \(name) as a whole row or by a system column",
        advice: "name the columns")
    }
    guard let type = catalog.columnType(column.typeOID) else {
      throw Refusal(
        subject: view, construct: "column \(name).\(column.name) of type \(column.typeName)",
        advice: "the type is not supported; leave the column out or cast it in the table")
    }
    guard !column.isGenerated else {
      throw Refusal(
        subject: view, construct: "generated column \(name).\(column.name)",
        advice: "this server does not publish it; write its expression in the view")
    }
    if case .complete(let attributes)? = catalog.relations[plan.sources[source].relation]?
      .publication, !attributes.contains(attribute)
    {
      throw Refusal(
        subject: view, construct: "column \(name).\(column.name), which is not published",
        advice: "publish the table without a column list")
    }
    plan.sources[source].columns.append(
      Plan.Source.Column(
        attribute: attribute, name: column.name, type: type, typeOID: column.typeOID))
    return Expression.Column(index: columns.count, type: type)
  }

  /// The rules that a table's unique keys give, over the columns read so far.
  func dependencies(ofSource source: Int) -> (FunctionalDependencies, identity: [Int]?) {
    let columns = plan.sources[source].columns
    var dependencies = FunctionalDependencies()
    var identity: [Int]?
    for attributes in catalog.relations[plan.sources[source].relation]?.uniqueKeys ?? [] {
      let key = attributes.compactMap { attribute in
        columns.firstIndex { $0.attribute == attribute }
      }
      guard key.count == attributes.count else { continue }
      dependencies.add(Set(key), determines: Set(columns.indices))
      identity = identity ?? key
    }
    return (dependencies, identity)
  }
}

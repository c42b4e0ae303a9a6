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
  var tables: [Table] = []
  var tablesByRelation: [UInt32: Int] = [:]
  var sourcesByRelation: [UInt32: Int] = [:]
  /// Of the view at hand; told last, as what the view itself contains can't be mended by `onhand init`.
  var undelivered: Refusal?

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
        typeName: relation.columns[index].typeName,
        ordering: catalog.ordering(of: relation.columns[index]))
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
}

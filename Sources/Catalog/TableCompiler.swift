import Engine

extension ViewCompiler {
  /// A table as views read it: one source, or the sources of its partitions together.
  ///
  /// Its columns are added as they are asked for.
  struct Table {
    struct Partition {
      let source: Int
      /// Puts the partition's columns, which may stand in another order, into the table's.
      let map: Plan.NodeID
    }

    let relation: UInt32
    let node: Plan.NodeID
    /// Of a table without partitions.
    let source: Int?
    let partitions: [Partition]
    /// Of a partitioned table; else the source has them.
    var columns: [Plan.Source.Column] = []
  }

  mutating func table(_ relation: CatalogSnapshot.Relation) throws(Refusal) -> CompiledRelation {
    let index: Int
    if let known = tablesByRelation[relation.oid] {
      index = known
    } else {
      index = tables.count
      tables.append(try makeTable(relation))
      tablesByRelation[relation.oid] = index
    }
    return CompiledRelation(
      node: tables[index].node, visible: [], names: [], table: index,
      estimatedRows: relation.estimatedRows)
  }

  private mutating func makeTable(_ relation: CatalogSnapshot.Relation) throws(Refusal) -> Table {
    guard relation.kind == .partitionedTable else {
      let source = try source(relation)
      return Table(
        relation: relation.oid, node: plan.sources[source].node, source: source, partitions: [])
    }
    try checkIsVisible(relation)
    guard !relation.partitions.isEmpty else {
      throw Refusal(
        subject: relation.name.description, construct: "it has no partitions",
        advice: "attach one, or create a default partition")
    }
    var partitions: [Table.Partition] = []
    for oid in relation.partitions {
      guard let partition = catalog.relations[oid] else { continue }
      let source = try source(partition)
      let map = plan.add(.map(input: plan.sources[source].node, filter: nil, outputs: []))
      partitions.append(Table.Partition(source: source, map: map))
    }
    return Table(
      relation: relation.oid, node: plan.add(.union(partitions.map(\.map))), source: nil,
      partitions: partitions)
  }

  // MARK: Sources

  private mutating func source(_ relation: CatalogSnapshot.Relation) throws(Refusal) -> Int {
    if let known = sourcesByRelation[relation.oid] { return known }
    try checkCanBeFollowed(relation)
    if case .incomplete(let refusal) = relation.publication { undelivered = refusal }
    return try addSource(relation)
  }

  private func checkCanBeFollowed(_ relation: CatalogSnapshot.Relation) throws(Refusal) {
    let name = relation.name.description
    guard relation.kind == .table else {
      throw Refusal(
        subject: name, construct: "it is a foreign table",
        advice: "its changes are not in this server's log; keep a copy in a table")
    }
    guard relation.persistence == "p" else {
      throw Refusal(
        subject: name, construct: "it is unlogged or temporary",
        advice: "its changes are not in the WAL; ALTER TABLE \(name) SET LOGGED")
    }
    guard !relation.hasInheritors else {
      throw Refusal(
        subject: name, construct: "it has inheritance children",
        advice: "make it a partitioned table, or name a plain table in the view")
    }
    try checkIsVisible(relation)
  }

  private func checkIsVisible(_ relation: CatalogSnapshot.Relation) throws(Refusal) {
    guard !relation.bindsRowSecurity else {
      throw Refusal(
        subject: relation.name.description,
        construct: "row security applies to this role or to a view's owner",
        advice: "let the views belong to the table's owner or to a role with BYPASSRLS, "
          + "and connect as such a role")
    }
    guard relation.name.schema != "pg_catalog", relation.name.schema != "information_schema" else {
      throw Refusal(
        subject: relation.name.description, construct: "it is a system catalog",
        advice: "these are not replicated")
    }
  }

  private mutating func addSource(_ relation: CatalogSnapshot.Relation) throws(Refusal) -> Int {
    let index = plan.sources.count
    let node = plan.add(.source(index))
    plan.sources.append(
      Plan.Source(
        relation: relation.oid, name: relation.name, columns: [], identity: .full, node: node))
    sourcesByRelation[relation.oid] = index
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

  // MARK: Columns

  /// The column of a table by attribute number, added to what is read of it.
  mutating func column(_ attribute: Int, of table: Int, readBy view: String) throws(Refusal)
    -> Expression.Column
  {
    if let source = tables[table].source {
      return try sourceColumn(attribute, of: source, readBy: view)
    }
    if let known = tables[table].columns.firstIndex(where: { $0.attribute == attribute }) {
      return Expression.Column(index: known, type: tables[table].columns[known].type)
    }
    let column = try readableColumn(attribute, of: tables[table].relation, readBy: view)
    for partition in tables[table].partitions {
      try extend(partition, by: column, readBy: view)
    }
    tables[table].columns.append(column)
    return Expression.Column(index: tables[table].columns.count - 1, type: column.type)
  }

  private mutating func extend(
    _ partition: Table.Partition, by column: Plan.Source.Column, readBy view: String
  ) throws(Refusal) {
    let relation = catalog.relations[plan.sources[partition.source].relation]
    guard let own = relation?.columns.first(where: { $0.name == column.name }),
      case .map(let input, let filter, let outputs) = plan.nodes[partition.map]
    else { return }
    let read = try sourceColumn(own.attribute, of: partition.source, readBy: view)
    plan.nodes[partition.map] = .map(
      input: input, filter: filter, outputs: outputs + [.column(read)])
  }

  private mutating func sourceColumn(
    _ attribute: Int, of source: Int, readBy view: String
  ) throws(Refusal) -> Expression.Column {
    let columns = plan.sources[source].columns
    if let index = columns.firstIndex(where: { $0.attribute == attribute }) {
      return Expression.Column(index: index, type: columns[index].type)
    }
    let relation = plan.sources[source].relation
    let column = try readableColumn(attribute, of: relation, readBy: view)
    if case .complete(let attributes)? = catalog.relations[relation]?.publication,
      !attributes.contains(attribute)
    {
      throw Refusal(
        subject: view,
        construct: "column \(plan.sources[source].name).\(column.name), which is not published",
        advice: "publish the table without a column list")
    }
    plan.sources[source].columns.append(column)
    return Expression.Column(index: columns.count, type: column.type)
  }

  private func readableColumn(
    _ attribute: Int, of relation: UInt32, readBy view: String
  ) throws(Refusal) -> Plan.Source.Column {
    let name = catalog.relations[relation]?.name.description ?? "relation \(relation)"
    guard let column = catalog.relations[relation]?.column(attribute) else {
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
    return Plan.Source.Column(
      attribute: attribute, name: column.name, type: type, typeOID: column.typeOID)
  }

  /// The rules that a table's unique keys give, over the columns read so far.
  func dependencies(ofTable table: Int) -> (FunctionalDependencies, identity: [Int]?) {
    let columns = tables[table].source.map { plan.sources[$0].columns } ?? tables[table].columns
    var dependencies = FunctionalDependencies()
    var identity: [Int]?
    for attributes in catalog.relations[tables[table].relation]?.uniqueKeys ?? [] {
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

import Engine
import Foundation

@testable import Catalog

/// The catalogs of a server of some version, as `Fixtures/record.sh` recorded them from `Fixtures/schema.sql`.
struct CatalogFixture: Decodable {
  static let majors = [15, 16, 18]

  private struct Relation: Decodable {
    struct Column: Decodable {
      let attribute: Int
      let name: String
      let typeOID: UInt32
      let typeName: String
      let isNotNull: Bool
    }
    let oid: UInt32
    let schema: String
    let name: String
    let kind: String
    let persistence: String
    let replicaIdentity: String
    let estimatedRows: Double
    let hasInheritors: Bool
    let rule: String?
    let primaryKey: [Int]?
    let uniqueKeys: [[Int]]?
    let columns: [Column]
  }

  private struct Function: Decodable {
    let oid: UInt32
    let name: String
    let internalName: String?
    let isSystem: Bool
    let isVolatile: Bool
  }

  private struct EnumLabel: Decodable {
    let type: UInt32
    let oid: UInt32
    let label: String
  }

  private struct TypeName: Decodable {
    let oid: UInt32
    let name: String
  }

  private let serverMajor: Int
  private let relations: [Relation]
  private let functions: [Function]
  private let enums: [EnumLabel]
  private let types: [TypeName]

  init(major: Int) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let file = folder.appendingPathComponent("Fixtures/catalog-\(major).json")
    self = try JSONDecoder().decode(CatalogFixture.self, from: Data(contentsOf: file))
  }

  /// The text of every view's rule, by name.
  var rules: [String: String] {
    Dictionary(
      uniqueKeysWithValues: relations.compactMap { relation in
        relation.rule.map { (relation.name, $0) }
      })
  }

  func oid(_ name: String) throws -> UInt32 {
    guard let relation = relations.first(where: { $0.name == name }) else {
      throw CocoaError(.fileReadNoSuchFile)
    }
    return relation.oid
  }

  /// Parsed once: the tests ask for it a hundred times.
  private static let snapshots = majors.reduce(into: [Int: CatalogSnapshot]()) { parsed, major in
    parsed[major] = try? CatalogFixture(major: major).parsedSnapshot()
  }

  private func parsedSnapshot() throws -> CatalogSnapshot {
    var snapshot = CatalogSnapshot()
    snapshot.serverMajor = serverMajor
    for relation in relations { snapshot.relations[relation.oid] = try Self.convert(relation) }
    for function in functions {
      snapshot.functions[function.oid] = CatalogSnapshot.Function(
        name: function.name, internalName: function.internalName, isSystem: function.isSystem,
        isVolatile: function.isVolatile)
    }
    for label in enums {
      snapshot.enums.insert(label.type)
      snapshot.enumLabels[label.oid] = label.label
    }
    for type in types { snapshot.typeNames[type.oid] = type.name }
    return snapshot
  }

  /// Compiles the named views, in this order.
  func compile(
    _ views: [String], keys: [String: [String]] = [:], appendOnly: [String] = [],
    changing change: (inout CatalogSnapshot) -> Void = { _ in }
  ) throws -> Plan {
    var snapshot = try Self.snapshots[serverMajor] ?? parsedSnapshot()
    change(&snapshot)
    return try ViewCompiler.compile(
      views.map { ViewCompiler.Request(relation: try oid($0), key: keys[$0]) }, catalog: snapshot,
      appendOnly: Set(appendOnly.map { try oid($0) }))
  }

  private static func convert(_ recorded: Relation) throws -> CatalogSnapshot.Relation {
    var relation = CatalogSnapshot.Relation(
      oid: recorded.oid, name: QualifiedName(schema: recorded.schema, name: recorded.name),
      kind: CatalogSnapshot.Relation.Kind(rawValue: recorded.kind) ?? .other,
      persistence: recorded.persistence, replicaIdentity: recorded.replicaIdentity)
    relation.estimatedRows = recorded.estimatedRows
    relation.hasInheritors = recorded.hasInheritors
    relation.rule = try recorded.rule.map { try NodeTreeParser.parse($0) }
    relation.uniqueKeys = recorded.uniqueKeys ?? []
    if recorded.replicaIdentity == "d" {
      relation.replicaIdentityColumns = recorded.primaryKey ?? []
    }
    relation.columns = recorded.columns.map { column in
      CatalogSnapshot.Relation.Column(
        attribute: column.attribute, name: column.name, typeOID: column.typeOID,
        typeName: column.typeName, isNotNull: column.isNotNull, isGenerated: false)
    }
    return relation
  }
}

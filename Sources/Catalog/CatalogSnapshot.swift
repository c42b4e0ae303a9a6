import Engine

/// What the compiler needs of the system catalogs, as of one snapshot of the database.
package struct CatalogSnapshot: Sendable {
  /// `server_version_num / 10000`.
  package var serverMajor = 0
  /// By `pg_class.oid`: the configured views and everything they read, down to tables.
  package var relations: [UInt32: Relation] = [:]
  /// By `pg_proc.oid`.
  package var functions: [UInt32: Function] = [:]
  /// Enum types by OID, with the labels by the OID that constants carry.
  package var enums: Set<UInt32> = []
  package var enumLabels: [UInt32: String] = [:]
  /// The labels of each enum type in their order, by the type's OID.
  package var enumOrders: [UInt32: [String]] = [:]
  /// Names for messages, by `pg_type.oid`.
  package var typeNames: [UInt32: String] = [:]
  /// Collations that order by bytes; the database's default among them if it does.
  package var byteOrderedCollations: Set<UInt32> = []
  /// Collations under which different bytes can be equal.
  package var nondeterministicCollations: Set<UInt32> = []
  /// Collations under which only ASCII letters have two cases.
  package var asciiCaseCollations: Set<UInt32> = []

  package init() {}

  package struct Relation: Sendable {
    package enum Kind: String, Sendable {
      case table = "r"
      case partitionedTable = "p"
      case view = "v"
      case materializedView = "m"
      case foreignTable = "f"
      case other = ""

    }

    /// Whether a table's changes arrive.
    package enum Publication: Sendable {
      case unchecked
      case complete(attributes: Set<Int>)
      case incomplete(Refusal)
    }

    package struct Column: Sendable {
      package var attribute: Int
      package var name: String
      package var typeOID: UInt32
      package var typeName: String
      package var isNotNull: Bool
      package var isGenerated: Bool
      /// `pg_attribute.attcollation`; 0 where the type has none.
      package var collation: UInt32 = 0

      package init(
        attribute: Int, name: String, typeOID: UInt32, typeName: String, isNotNull: Bool,
        isGenerated: Bool
      ) {
        self.attribute = attribute
        self.name = name
        self.typeOID = typeOID
        self.typeName = typeName
        self.isNotNull = isNotNull
        self.isGenerated = isGenerated
      }
    }

    package var oid: UInt32
    package var name: QualifiedName
    package var kind: Kind
    /// `pg_class.relpersistence`: `p`, `u` or `t`.
    package var persistence: String
    /// `pg_class.relreplident`: `d`, `n`, `f` or `i`.
    package var replicaIdentity: String
    /// Attribute numbers of the index behind the replica identity; empty without one.
    package var replicaIdentityColumns: [Int] = []
    /// Sets of attributes that no two rows share: unique, immediate, total, all of them not null.
    package var uniqueKeys: [[Int]] = []
    package var estimatedRows: Double = 0
    package var hasInheritors = false
    /// The leaves under a partitioned table, and the table at the root of a partition.
    package var partitions: [UInt32] = []
    package var root: UInt32?
    package var bindsRowSecurity = false
    package var publication = Publication.unchecked
    package var columns: [Column] = []
    /// `pg_rewrite.ev_action` and `pg_get_viewdef` of a view.
    package var rule: NodeTree?
    package var definition = ""

    package init(
      oid: UInt32, name: QualifiedName, kind: Kind, persistence: String, replicaIdentity: String
    ) {
      self.oid = oid
      self.name = name
      self.kind = kind
      self.persistence = persistence
      self.replicaIdentity = replicaIdentity
    }

    package func column(_ attribute: Int) -> Column? {
      columns.first { $0.attribute == attribute }
    }
  }

  package struct Function: Sendable {
    package var name: String
    /// `pg_proc.prosrc`, where the language is `internal`.
    package var internalName: String?
    package var isSystem: Bool
    package var isVolatile: Bool

    package init(name: String, internalName: String?, isSystem: Bool, isVolatile: Bool) {
      self.name = name
      self.internalName = internalName
      self.isSystem = isSystem
      self.isVolatile = isVolatile
    }
  }

  /// Tables, and the partitions of those that are partitioned.
  package func withPartitions(_ tables: Set<UInt32>) -> Set<UInt32> {
    tables.union(tables.flatMap { relations[$0]?.partitions ?? [] })
  }

  /// The type behind an OID, if live views can carry it.
  package func columnType(_ oid: UInt32) -> ColumnType? {
    enums.contains(oid) ? .enumeration : ColumnType(oid: oid)
  }

  /// How the values of a column order, as far as its type leaves that open.
  package func ordering(of column: Relation.Column) -> ColumnOrdering {
    ColumnOrdering(
      isByBytes: byteOrderedCollations.contains(column.collation),
      hasASCIICaseOnly: asciiCaseCollations.contains(column.collation),
      labels: enumOrders[column.typeOID] ?? [])
  }

  package func typeName(_ oid: UInt32) -> String { typeNames[oid] ?? "type \(oid)" }
}

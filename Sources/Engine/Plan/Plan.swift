/// What the engine runs: operators in topological order, from tables to views.
///
/// Nodes are shared: a view that two others read is one node.
package struct Plan: Sendable, Hashable {
  /// Index into ``nodes``.
  package typealias NodeID = Int

  package var sources: [Source] = []
  package var nodes: [Operation] = []
  package var views: [View] = []

  package init() {}

  /// A table as the log delivers it: the columns in use and how an old row is known.
  package struct Source: Sendable, Hashable {
    package struct Column: Sendable, Hashable {
      /// `pg_attribute.attnum`, which no rename changes.
      package let attribute: Int
      package let name: String
      package let type: ColumnType
      package let typeOID: UInt32

      package init(attribute: Int, name: String, type: ColumnType, typeOID: UInt32) {
        self.attribute = attribute
        self.name = name
        self.type = type
        self.typeOID = typeOID
      }
    }

    /// How an update or delete tells which row it means.
    package enum Identity: Sendable, Hashable {
      /// The whole old row comes along (`REPLICA IDENTITY FULL`): nothing is kept here.
      case full
      /// Only these columns come along, as indexes into ``columns``: rows are kept by them.
      case key([Int])
    }

    package let relation: UInt32
    package let name: QualifiedName
    package var columns: [Column]
    package var identity: Identity
    package let node: NodeID

    package init(
      relation: UInt32, name: QualifiedName, columns: [Column], identity: Identity, node: NodeID
    ) {
      self.relation = relation
      self.name = name
      self.columns = columns
      self.identity = identity
      self.node = node
    }
  }

  package enum Operation: Sendable, Hashable {
    /// Rows of `sources[index]`.
    case source(Int)
    /// `SELECT outputs FROM input WHERE filter`.
    case map(input: NodeID, filter: Expression?, outputs: [Expression])
    /// `SELECT keys, aggregates FROM input WHERE filter GROUP BY keys`; no keys: always one row.
    case aggregate(
      input: NodeID, filter: Expression?, keys: [Expression], aggregates: [Aggregate])
    /// `SELECT outputs FROM inputs WHERE equalities AND residual`; columns name the input they come from.
    case join(
      inputs: [NodeID], equalities: [JoinEquality], residual: Expression?, outputs: [Expression])
    /// `SELECT outputs FROM left LEFT JOIN right ON equalities AND residual`, or `FULL JOIN`: a row without a match is there once, with
    /// NULLs for the other input. Columns name `left` as input 0 and `right` as input 1.
    case outerJoin(
      left: NodeID, right: NodeID, kind: OuterJoinKind, equalities: [JoinEquality],
      residual: Expression?, outputs: [Expression])
    /// `UNION ALL` of inputs with the same column types.
    case union([NodeID])
  }

  /// Which input's rows stay without a match; a right join is a left one of the inputs swapped.
  package enum OuterJoinKind: Sendable, Hashable { case left, full }

  /// `left = right`, between columns of two inputs of a join.
  package struct JoinEquality: Sendable, Hashable {
    package let left: Expression.Column
    package let right: Expression.Column

    package init(_ left: Expression.Column, _ right: Expression.Column) {
      self.left = left
      self.right = right
    }
  }

  /// One aggregate of a group.
  package struct Aggregate: Sendable, Hashable {
    package enum Function: Sendable, Hashable {
      /// Rows, or rows whose argument is not null.
      case count
      /// The sum of integers as an integer, checked against `bigint`.
      case sumInt
      /// The sum of integers as a numeric.
      case sumIntAsNumeric
      case sumNumeric
      case min, max
      case countDistinct
    }
    package let function: Function
    /// Nil only for `count(*)`.
    package let argument: Expression?
    package let filter: Expression?
    package let type: ColumnType

    package init(
      _ function: Function, of argument: Expression?, filter: Expression? = nil, type: ColumnType
    ) {
      self.function = function
      self.argument = argument
      self.filter = filter
      self.type = type
    }
  }

  package struct View: Sendable, Hashable {
    package struct Column: Sendable, Hashable {
      package let name: String
      package let type: ColumnType
      /// As `format_type` prints it.
      package let typeName: String
      package let ordering: ColumnOrdering

      package init(
        name: String, type: ColumnType, typeName: String, ordering: ColumnOrdering = .unknown
      ) {
        self.name = name
        self.type = type
        self.typeName = typeName
        self.ordering = ordering
      }
    }

    package let name: QualifiedName
    package let node: NodeID
    /// What the view shows: the first columns of the node's rows.
    package let columns: [Column]
    /// Indexes of the columns that REST addresses a row by; empty where the whole row is the key.
    package let key: [Int]
    /// Indexes into the node's row, hidden columns included, that tell an update from a delete and an insert.
    package let identity: [Int]
    /// The definition, as `pg_get_viewdef` prints it.
    package let definition: String

    package init(
      name: QualifiedName, node: NodeID, columns: [Column], key: [Int], identity: [Int],
      definition: String
    ) {
      self.name = name
      self.node = node
      self.columns = columns
      self.key = key
      self.identity = identity
      self.definition = definition
    }
  }

  /// The column types of a node's rows.
  package func types(of node: NodeID) -> [ColumnType] {
    switch nodes[node] {
    case .source(let index): sources[index].columns.map(\.type)
    case .map(_, _, let outputs), .join(_, _, _, let outputs),
      .outerJoin(_, _, _, _, _, let outputs):
      outputs.map(\.type)
    case .aggregate(_, _, let keys, let aggregates): keys.map(\.type) + aggregates.map(\.type)
    case .union(let inputs): types(of: inputs[0])
    }
  }

  package mutating func add(_ operation: Operation) -> NodeID {
    nodes.append(operation)
    return nodes.count - 1
  }
}

/// A relation's schema and name.
package struct QualifiedName: Hashable, Sendable, CustomStringConvertible {
  package let schema: String
  package let name: String

  package init(schema: String, name: String) {
    self.schema = schema
    self.name = name
  }

  package var description: String { "\(schema).\(name)" }

  /// Whether `text` names it, with the schema or without.
  package func isCalled(_ text: String) -> Bool {
    text.isSameName(as: name) || text.isSameName(as: description)
  }

  package static func == (left: QualifiedName, right: QualifiedName) -> Bool {
    left.schema.isSameName(as: right.schema) && left.name.isSameName(as: right.name)
  }
}

extension String {
  /// Whether both are the same bytes, as Postgres compares names. To `==` texts are equal that only look the same, such as an `é`
  /// in one code point and in two.
  package func isSameName(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension [Plan.View.Column] {
  package func index(named name: String) -> Int? {
    firstIndex { $0.name.isSameName(as: name) }
  }
}

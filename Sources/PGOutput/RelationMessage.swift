/// Describes a table before its first row, and again whenever it may have changed.
package struct RelationMessage: Equatable, Sendable {
  package struct Column: Equatable, Sendable {
    /// Part of the replica identity.
    package let isKey: Bool
    package let name: String
    package let typeOID: UInt32
    package let typmod: Int32
  }

  package let oid: UInt32
  package let schema: String
  package let name: String
  /// `pg_class.relreplident`: `d`, `n`, `f` or `i`.
  package let replicaIdentity: Character
  package let columns: [Column]

  package init(_ cursor: inout Cursor) throws(DecodeError) {
    oid = try cursor.integer(UInt32.self)
    let schema = try cursor.string()
    // An empty name stands for pg_catalog.
    self.schema = schema.isEmpty ? "pg_catalog" : schema
    name = try cursor.string()
    replicaIdentity = Character(Unicode.Scalar(try cursor.integer(UInt8.self)))
    let count = Int(try cursor.integer(Int16.self))
    guard count >= 0 else { throw DecodeError(offset: cursor.offset, expected: "a column count") }
    var columns: [Column] = []
    columns.reserveCapacity(count)
    for _ in 0..<count {
      let flags = try cursor.integer(UInt8.self)
      columns.append(
        Column(
          isKey: flags & 1 != 0, name: try cursor.string(),
          typeOID: try cursor.integer(UInt32.self), typmod: try cursor.integer(Int32.self)))
    }
    self.columns = columns
  }
}

/// One message of the logical replication protocol, version 1.
///
/// https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html. Row messages leave the cursor at
/// their tuples, which the receiver reads in place.
package enum Message {
  /// A transaction begins; `finalLSN` is where its commit record starts.
  case begin(finalLSN: UInt64, committedAt: Int64, xid: UInt32)
  /// A transaction ends; `endLSN` is the end of its commit record.
  case commit(commitLSN: UInt64, endLSN: UInt64, committedAt: Int64)
  case relation(RelationMessage)
  /// The cursor is at the new tuple.
  case insert(relation: UInt32)
  /// The cursor is at the old tuple or key if `old` tells of one, else at the new tuple.
  case update(relation: UInt32, old: OldTuple)
  /// The cursor is at the old tuple or key.
  case delete(relation: UInt32, old: OldTuple)
  case truncate(relations: [UInt32])
  /// Types, origins and application messages, which say nothing about rows.
  case other(UInt8)

  package enum OldTuple: Sendable {
    case none
    /// The columns of the replica identity; the others are null.
    case key
    case full
  }

  package init(_ cursor: inout Cursor) throws(DecodeError) {
    let kind = try cursor.integer(UInt8.self)
    switch kind {
    case UInt8(ascii: "I"):
      self = .insert(relation: try cursor.integer(UInt32.self))
      try Self.expectNew(&cursor)
    case UInt8(ascii: "U"): self = try Self.update(&cursor)
    case UInt8(ascii: "D"): self = try Self.delete(&cursor)
    case UInt8(ascii: "B"):
      self = .begin(
        finalLSN: try cursor.integer(UInt64.self), committedAt: try cursor.integer(Int64.self),
        xid: try cursor.integer(UInt32.self))
    case UInt8(ascii: "C"):
      _ = try cursor.integer(UInt8.self)
      self = .commit(
        commitLSN: try cursor.integer(UInt64.self), endLSN: try cursor.integer(UInt64.self),
        committedAt: try cursor.integer(Int64.self))
    case UInt8(ascii: "R"): self = .relation(try RelationMessage(&cursor))
    case UInt8(ascii: "T"): self = try Self.truncate(&cursor)
    case UInt8(ascii: "Y"), UInt8(ascii: "O"), UInt8(ascii: "M"): self = .other(kind)
    default: throw DecodeError(offset: 0, expected: "a message of protocol version 1")
    }
  }

  private static func update(_ cursor: inout Cursor) throws(DecodeError) -> Message {
    let relation = try cursor.integer(UInt32.self)
    switch try cursor.integer(UInt8.self) {
    case UInt8(ascii: "N"): return .update(relation: relation, old: .none)
    case UInt8(ascii: "K"): return .update(relation: relation, old: .key)
    case UInt8(ascii: "O"): return .update(relation: relation, old: .full)
    default: throw DecodeError(offset: cursor.offset - 1, expected: "N, K or O")
    }
  }

  private static func delete(_ cursor: inout Cursor) throws(DecodeError) -> Message {
    let relation = try cursor.integer(UInt32.self)
    switch try cursor.integer(UInt8.self) {
    case UInt8(ascii: "K"): return .delete(relation: relation, old: .key)
    case UInt8(ascii: "O"): return .delete(relation: relation, old: .full)
    default: throw DecodeError(offset: cursor.offset - 1, expected: "K or O")
    }
  }

  private static func truncate(_ cursor: inout Cursor) throws(DecodeError) -> Message {
    let count = Int(try cursor.integer(Int32.self))
    _ = try cursor.integer(UInt8.self)
    guard count >= 0, cursor.remaining >= count * 4 else {
      throw DecodeError(offset: cursor.offset, expected: "\(count) relations")
    }
    var relations: [UInt32] = []
    for _ in 0..<count { relations.append(try cursor.integer(UInt32.self)) }
    return .truncate(relations: relations)
  }

  /// Reads the marker between an update's old and new tuple, or before an insert's.
  package static func expectNew(_ cursor: inout Cursor) throws(DecodeError) {
    guard try cursor.integer(UInt8.self) == UInt8(ascii: "N") else {
      throw DecodeError(offset: cursor.offset - 1, expected: "N")
    }
  }
}

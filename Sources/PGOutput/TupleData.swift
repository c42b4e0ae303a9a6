/// A row as pgoutput sends it: a value or less for each column.
///
/// Iterate it once, in the order of the relation's columns; values point into the message.
package struct TupleData {
  package enum Value {
    case null
    /// A TOASTed value that did not change and was not sent.
    case unchanged
    case text(UnsafeRawBufferPointer)
    case binary(UnsafeRawBufferPointer)
  }

  package let columnCount: Int

  /// Reads the tuple's head and leaves the cursor at its first value.
  package init(_ cursor: inout Cursor) throws(DecodeError) {
    columnCount = Int(try cursor.integer(Int16.self))
    guard columnCount >= 0 else {
      throw DecodeError(offset: cursor.offset, expected: "a column count")
    }
  }

  /// The next of ``columnCount`` values.
  @inline(__always)
  package func next(_ cursor: inout Cursor) throws(DecodeError) -> Value {
    let kind = try cursor.integer(UInt8.self)
    switch kind {
    case UInt8(ascii: "b"): return .binary(try value(&cursor))
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "u"): return .unchanged
    case UInt8(ascii: "t"): return .text(try value(&cursor))
    default: throw DecodeError(offset: cursor.offset - 1, expected: "n, u, t or b")
    }
  }

  @inline(__always)
  private func value(_ cursor: inout Cursor) throws(DecodeError) -> UnsafeRawBufferPointer {
    let length = try cursor.integer(Int32.self)
    return try cursor.take(Int(length))
  }
}

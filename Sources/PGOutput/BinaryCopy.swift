/// The binary format of `COPY ... TO STDOUT`, whose rows arrive one to a buffer.
///
/// https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
package enum BinaryCopy {
  private static let signature: [UInt8] = [
    0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00,
  ]

  /// Passes over the header in front of the first row.
  package static func skipHeader(_ cursor: inout Cursor) throws(DecodeError) {
    let start = try cursor.take(signature.count)
    guard start.elementsEqual(signature) else {
      throw DecodeError(offset: 0, expected: "the signature of binary COPY")
    }
    _ = try cursor.integer(UInt32.self)
    _ = try cursor.take(Int(try cursor.integer(Int32.self)))
  }

  /// The number of fields of the next row; nil at the trailer.
  package static func fieldCount(_ cursor: inout Cursor) throws(DecodeError) -> Int? {
    let count = try cursor.integer(Int16.self)
    guard count >= -1 else {
      throw DecodeError(offset: cursor.offset - 2, expected: "a field count")
    }
    return count == -1 ? nil : Int(count)
  }

  /// The next field; nil for NULL.
  @inline(__always)
  package static func field(_ cursor: inout Cursor) throws(DecodeError) -> UnsafeRawBufferPointer? {
    let length = try cursor.integer(Int32.self)
    return length == -1 ? nil : try cursor.take(Int(length))
  }
}

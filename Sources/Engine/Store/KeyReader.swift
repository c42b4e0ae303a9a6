/// Reads a row's key from a URL's text into the bytes that ``ViewTable`` finds it by.
///
/// Belongs to one thread; the key is valid until the next is read.
package final class KeyReader {
  private let arena = ScratchArena()
  private var builders: [[ColumnType]: CanonicalKey] = [:]
  private var datums: [Datum] = []

  package enum Failure: Error, Equatable {
    case wrongArity(expected: Int)
    /// The column's index among the key's.
    case malformed(column: Int)
  }

  package init() {}

  /// - Parameter parts: the key's columns, percent-decoded, in key order.
  package func read(_ parts: [UnsafeRawBufferPointer], for view: LiveView) throws(Failure) -> RowRef
  {
    try read(parts, types: view.keyTypes)
  }

  /// - Parameter types: of the columns of the key.
  package func read(_ parts: [UnsafeRawBufferPointer], types: [ColumnType]) throws(Failure)
    -> RowRef
  {
    begin()
    for part in parts { try add(part, types) }
    return try end(types)
  }

  // MARK: Column by column

  /// Starts a key.
  package func begin() {
    arena.reset()
    datums.removeAll(keepingCapacity: true)
  }

  /// Reads the next column, of which there are as many as `types`.
  package func add(_ text: UnsafeRawBufferPointer, _ types: [ColumnType]) throws(Failure) {
    guard datums.count < types.count else { throw .wrongArity(expected: types.count) }
    let type = types[datums.count]
    guard Self.isText(text, type), let datum = type.parse(text, arena) else {
      throw .malformed(column: datums.count)
    }
    guard case .bytes(let bytes) = datum else { return datums.append(datum) }
    datums.append(.bytes(arena.copy(bytes)))
  }

  /// Takes NULL for the next column.
  package func addNull(_ types: [ColumnType]) throws(Failure) {
    guard datums.count < types.count else { throw .wrongArity(expected: types.count) }
    datums.append(.null)
  }

  package func end(_ types: [ColumnType]) throws(Failure) -> RowRef {
    guard datums.count == types.count else { throw .wrongArity(expected: types.count) }
    return builder(types).build { datums[$0] }
  }

  /// Whether bytes can be a text of Postgres: UTF-8 without a NUL. Values of other types have a syntax of their own.
  private static func isText(_ bytes: UnsafeRawBufferPointer, _ type: ColumnType) -> Bool {
    switch type {
    case .text, .bpchar, .enumeration:
      !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    case .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .numeric,
      .uuid, .json, .jsonb:
      true
    }
  }

  private func builder(_ types: [ColumnType]) -> CanonicalKey {
    if let builder = builders[types] { return builder }
    let builder = CanonicalKey(types)
    builders[types] = builder
    return builder
  }
}

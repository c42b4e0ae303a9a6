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
    let types = view.keyTypes
    guard parts.count == types.count else { throw .wrongArity(expected: types.count) }
    arena.reset()
    datums.removeAll(keepingCapacity: true)
    for index in types.indices {
      guard let datum = types[index].parse(parts[index], arena) else {
        throw .malformed(column: index)
      }
      datums.append(datum)
    }
    return builder(types).build { datums[$0] }
  }

  private func builder(_ types: [ColumnType]) -> CanonicalKey {
    if let builder = builders[types] { return builder }
    let builder = CanonicalKey(types)
    builders[types] = builder
    return builder
  }
}

/// Builds the bytes by which rows are grouped, joined and addressed.
///
/// Values that SQL calls equal get the same bytes, which ``ColumnType/isCanonical`` types have anyway; a key that does
/// not merge spellings takes values as they are.
final class CanonicalKey {
  private let layout: RowLayout
  private let row = RowBatch(capacityBytes: 128)
  private let arena = ScratchArena()
  /// Whether values are taken as they are.
  let isCanonical: Bool

  init(_ types: [ColumnType], mergesSpellings: Bool = true) {
    layout = RowLayout(types)
    isCanonical = !mergesSpellings || types.allSatisfy(\.isCanonical)
  }

  /// The key whose columns are `datums`; valid until the next is built.
  @inline(__always)
  func build(_ datum: (Int) -> Datum) -> RowRef {
    row.removeAll()
    row.beginRow(layout)
    if isCanonical {
      for index in layout.slots.indices { row.set(layout.slots[index], datum(index)) }
    } else {
      arena.reset()
      for index in layout.slots.indices {
        row.set(layout.slots[index], canonical(datum(index), layout.types[index]))
      }
    }
    return row.currentRow
  }

  private func canonical(_ datum: Datum, _ type: ColumnType) -> Datum {
    switch (type, datum) {
    case (.numeric, .bytes(let bytes)):
      Numeric(encoded: bytes).map { arena.numeric($0.normalized) } ?? datum
    case (.bpchar, .bytes(let bytes)): .bytes(bytes.withoutTrailingBlanks)
    case (.float4, .word(let word)), (.float8, .word(let word)):
      .float(word.asDouble.isNaN ? .nan : word.asDouble + 0)
    default: datum
    }
  }
}

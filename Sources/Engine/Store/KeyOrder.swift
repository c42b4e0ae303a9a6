/// The order in which a view's rows are listed: by key, column by column, nulls last.
///
/// Text orders by bytes, whatever the database's collation; where an expression failed, it comes behind the nulls. Where the whole
/// row is the key, rows that differ in spelling only, as 1.0 and 1.00, have an order as well.
package struct KeyOrder {
  private struct Column {
    /// Where the column is in a row, and in a key alone.
    let inRow: ColumnSlot
    let inKey: ColumnSlot
    let less: ScalarFunction
  }

  private let columns: [Column]
  private let ordersSpellings: Bool
  private let arena = ScratchArena()

  package init(_ view: LiveView) {
    let keyLayout = RowLayout(view.keyTypes)
    columns = view.keyTypes.indices.map { index in
      Column(
        inRow: view.keySlots[index], inKey: keyLayout.slots[index],
        less: ScalarFunction.compare(view.keyTypes[index], .less) ?? .compareBytes(.less))
    }
    ordersSpellings = !view.hasKey && !view.keyTypes.allSatisfy(\.isCanonical)
  }

  func precedes(_ a: RowRef, _ b: RowRef) -> Bool {
    order({ a.datum($0.inRow) }, { b.datum($0.inRow) }) < 0
  }

  /// Whether `row` comes behind the row with `key`.
  package func follows(_ row: RowRef, key: RowRef) -> Bool {
    order({ row.datum($0.inRow) }, { key.datum($0.inKey) }) > 0
  }

  @inline(__always)
  private func order(_ a: (Column) -> Datum, _ b: (Column) -> Datum) -> Int {
    for column in columns {
      let order = compare(a(column), b(column), column.less)
      if order != 0 { return order }
    }
    guard ordersSpellings else { return 0 }
    for column in columns {
      let order = Self.compareSpelling(a(column), b(column))
      if order != 0 { return order }
    }
    return 0
  }

  private func compare(_ a: Datum, _ b: Datum, _ less: ScalarFunction) -> Int {
    let (rank, otherRank) = (Self.rank(a), Self.rank(b))
    guard rank == 0, otherRank == 0 else { return rank - otherRank }
    if less.apply(a, b, arena).isTrue { return -1 }
    return less.apply(b, a, arena).isTrue ? 1 : 0
  }

  /// What has no value comes last: NULL, then a fault.
  private static func rank(_ datum: Datum) -> Int {
    switch datum {
    case .word, .bytes: 0
    case .null: 1
    case .fault: 2
    }
  }

  private static func compareSpelling(_ a: Datum, _ b: Datum) -> Int {
    switch (a, b) {
    case (.word(let a), .word(let b)): a == b ? 0 : a < b ? -1 : 1
    case (.bytes(let a), .bytes(let b)): a.compareBytes(with: b)
    case (.null, _), (.fault, _), (_, .null), (_, .fault), (.word, .bytes), (.bytes, .word): 0
    }
  }
}

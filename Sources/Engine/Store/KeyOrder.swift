/// The order in which a view's rows are listed: by key, column by column, nulls last.
///
/// Text orders by bytes, whatever the database's collation.
package struct KeyOrder {
  private struct Column {
    /// Where the column is in a row, and in a key alone.
    let inRow: ColumnSlot
    let inKey: ColumnSlot
    let less: ScalarFunction
  }

  private let columns: [Column]
  private let arena = ScratchArena()

  package init(_ view: LiveView) {
    let keyLayout = RowLayout(view.keyTypes)
    columns = view.keyTypes.indices.map { index in
      Column(
        inRow: view.keySlots[index], inKey: keyLayout.slots[index],
        less: ScalarFunction.compare(view.keyTypes[index], .less) ?? .compareBytes(.less))
    }
  }

  func precedes(_ a: RowRef, _ b: RowRef) -> Bool {
    for column in columns {
      let order = compare(a.datum(column.inRow), b.datum(column.inRow), column.less)
      if order != 0 { return order < 0 }
    }
    return false
  }

  /// Whether `row` comes behind the row with `key`.
  package func follows(_ row: RowRef, key: RowRef) -> Bool {
    for column in columns {
      let order = compare(row.datum(column.inRow), key.datum(column.inKey), column.less)
      if order != 0 { return order > 0 }
    }
    return false
  }

  private func compare(_ a: Datum, _ b: Datum, _ less: ScalarFunction) -> Int {
    switch (a.isNull, b.isNull) {
    case (true, true): return 0
    case (true, false): return 1
    case (false, true): return -1
    case (false, false): break
    }
    if less.apply(a, b, arena).isTrue { return -1 }
    return less.apply(b, a, arena).isTrue ? 1 : 0
  }
}

/// The order in which a view's rows are listed: by chosen columns, then by key.
///
/// Unless a client chooses it, text orders by bytes, whatever the database's collation. Where an expression failed, a row
/// comes behind the nulls. Where the whole row is the key, rows that differ in spelling only, as 1.0 and 1.00, have an
/// order as well.
package struct RowOrder {
  /// `column [DESC] [NULLS FIRST]`
  package struct Term: Hashable, Sendable {
    /// Among the view's columns.
    package let column: Int
    package let isDescending: Bool
    package let hasNullsFirst: Bool

    package init(column: Int, isDescending: Bool = false, hasNullsFirst: Bool = false) {
      self.column = column
      self.isDescending = isDescending
      self.hasNullsFirst = hasNullsFirst
    }
  }

  private struct Column {
    let term: Term
    let type: ColumnType
    /// Where the column is in a row, and in a place.
    let inRow: ColumnSlot
    let inPlace: ColumnSlot
    /// Of an enum that a client ordered by.
    let labels: [[UInt8]]
  }

  /// What the client chose, and the key's columns behind it.
  let terms: [Term]
  /// Of places: the values of the ordering columns alone, in their order.
  let placeTypes: [ColumnType]
  /// Whether spellings of one value are different places.
  let ordersSpellings: Bool
  private let columns: [Column]

  /// - Parameter terms: no column twice.
  package init(_ view: LiveView, by terms: [Term] = []) {
    let chosen = Set(terms.map(\.column))
    let rest = view.keyColumns.filter { !chosen.contains($0) }
    let all = terms + rest.map { Term(column: $0) }
    let types = all.map { view.definition.columns[$0.column].type }
    let placeLayout = RowLayout(types)
    self.terms = all
    placeTypes = types
    ordersSpellings = !view.hasKey && !types.allSatisfy(\.isCanonical)
    columns = all.indices.map { index in
      let column = all[index].column
      let isChosen = index < terms.count && types[index] == .enumeration
      return Column(
        term: all[index], type: types[index], inRow: view.rowLayout.slots[column],
        inPlace: placeLayout.slots[index],
        labels: isChosen
          ? view.definition.columns[column].ordering.labels.map { Array($0.utf8) } : [])
    }
  }

  func precedes(_ a: RowRef, _ b: RowRef) -> Bool {
    order({ a.datum($0.inRow) }, { b.datum($0.inRow) }) < 0
  }

  /// Negative, zero or positive as `row` comes before, at or behind the place of a cursor.
  package func compare(_ row: RowRef, to cursor: RowCursor) -> Int {
    cursor.place.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return compare(row, toPlace: RowRef(base: base, count: bytes.count))
    }
  }

  func compare(_ row: RowRef, toPlace place: RowRef) -> Int {
    order({ row.datum($0.inRow) }, { place.datum($0.inPlace) })
  }

  /// The values of the ordering columns of a row.
  func datum(_ index: Int, of row: RowRef) -> Datum { row.datum(columns[index].inRow) }

  @inline(__always)
  private func order(_ a: (Column) -> Datum, _ b: (Column) -> Datum) -> Int {
    for column in columns {
      let order = compare(a(column), b(column), column)
      if order != 0 { return order }
    }
    guard ordersSpellings else { return 0 }
    for column in columns {
      let order = Self.compareSpelling(a(column), b(column))
      if order != 0 { return order }
    }
    return 0
  }

  private static func compareSpelling(_ a: Datum, _ b: Datum) -> Int {
    switch (a, b) {
    case (.word(let a), .word(let b)): a == b ? 0 : a < b ? -1 : 1
    case (.bytes(let a), .bytes(let b)): a.compareBytes(with: b)
    case (.null, _), (.fault, _), (_, .null), (_, .fault), (.word, .bytes), (.bytes, .word): 0
    }
  }

  private func compare(_ a: Datum, _ b: Datum, _ column: Column) -> Int {
    let ranks = (rank(a, column.term), rank(b, column.term))
    guard ranks.0 == ranks.1 else { return ranks.0 - ranks.1 }
    guard ranks.0 == 0 else { return 0 }
    let order =
      column.labels.isEmpty
      ? column.type.order(a, b) : Self.order(a, b, among: column.labels)
    return column.term.isDescending ? -order : order
  }

  /// Where NULLs and failures stand beside values, which are 0.
  private func rank(_ datum: Datum, _ term: Term) -> Int {
    switch datum {
    case .word, .bytes: 0
    case .null: term.hasNullsFirst ? -1 : 1
    case .fault: 2
    }
  }

  private static func order(_ a: Datum, _ b: Datum, among labels: [[UInt8]]) -> Int {
    guard case .bytes(let a) = a, case .bytes(let b) = b else { return 0 }
    let places = (place(of: a, in: labels), place(of: b, in: labels))
    return places.0 == places.1 ? a.compareBytes(with: b) : places.0 - places.1
  }

  private static func place(of label: UnsafeRawBufferPointer, in labels: [[UInt8]]) -> Int {
    labels.firstIndex { $0.withUnsafeBytes { $0.hasSameBytes(as: label) } } ?? labels.count
  }
}

extension ColumnType {
  /// Negative, zero or positive as `a` sorts before, with or after `b`; neither is NULL. Text sorts by bytes.
  func order(_ a: Datum, _ b: Datum) -> Int {
    switch (a, b) {
    case (.word(let a), .word(let b)):
      isFloat
        ? a.asDouble.compared(to: b.asDouble) : (a < b ? -1 : (a == b ? 0 : 1))
    case (.bytes(let a), .bytes(let b)): order(a, b)
    default: 0
    }
  }

  private func order(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    switch self {
    case .numeric: (Numeric(encoded: a) ?? .nan).compared(to: Numeric(encoded: b) ?? .nan)
    case .bpchar: a.withoutTrailingBlanks.compareBytes(with: b.withoutTrailingBlanks)
    default: a.compareBytes(with: b)
    }
  }

  private var isFloat: Bool { self == .float4 || self == .float8 }
}

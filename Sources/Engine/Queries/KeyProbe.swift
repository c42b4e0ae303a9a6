/// The few keys that rows which pass a filter can have, where the filter pins every column of the key.
///
/// `item=in.(1,2)&place=eq.3` leaves two keys. A probe reads `eq`, `in` and `is.null` only: conditions of an `and` narrow what
/// a column can be, those of an `or` widen it, and what stands below a `not` says nothing. So it may name keys of rows that
/// do not pass, and never misses one that does: rows found by it are still tried with the filter.
package struct KeyProbe: Sendable {
  /// Each once, in the bytes by which ``ViewTable`` finds rows.
  package let keys: [[UInt8]]

  /// As many as a look-up may have. A filter that leaves more pins nothing.
  package static let keysMax = 10_000

  /// Nil where the filter leaves a column of the key open, or too many keys.
  ///
  /// - Parameters:
  ///   - filter: one that ``FilterBinder`` takes for `columns`.
  ///   - key: indexes into `columns`, at least one.
  ///   - capped: columns whose values the filter sees changed, and of which it says nothing therefore.
  package init?(
    _ filter: Filter, columns: [Plan.View.Column], key: [Int], capped: Set<Int> = []
  ) {
    guard !key.isEmpty, capped.isDisjoint(with: key) else { return nil }
    let arena = ScratchArena()
    var choices: [[Datum]] = []
    var count = 1
    for index in key {
      let column = columns[index]
      guard let values = Self.values(filter, of: column.name) else { return nil }
      choices.append(Self.distinct(values, column.type, arena))
      count *= choices[choices.count - 1].count
      guard count <= Self.keysMax else { return nil }
    }
    let builder = CanonicalKey(key.map { columns[$0].type })
    keys = (0..<count).map { Self.key(number: $0, choices, builder) }
    withExtendedLifetime(arena) {}
  }

  /// The keys are numbered as if each column were a digit, the first one the lowest.
  private static func key(number: Int, _ choices: [[Datum]], _ builder: CanonicalKey) -> [UInt8] {
    var rest = number
    let datums = choices.map { values in
      defer { rest /= values.count }
      return values[rest % values.count]
    }
    return Array(builder.build { datums[$0] }.bytes)
  }

  // MARK: What a filter leaves

  /// All that a column can be in rows that pass, nil standing for NULL; nil where that is not known.
  private static func values(_ filter: Filter, of column: String) -> [String?]? {
    switch filter {
    case .all(let filters):
      return filters.compactMap { values($0, of: column) }.min { $0.count < $1.count }
    case .any(let filters):
      var union: [String?] = []
      for filter in filters {
        guard let values = values(filter, of: column) else { return nil }
        union += values
      }
      return union
    case .not: return nil
    case .test(let name, let test): return name.isSameName(as: column) ? values(test) : nil
    }
  }

  private static func values(_ test: Filter.Test) -> [String?]? {
    switch test {
    case .compare(.equal, let operand): [operand]
    case .among(let operands): operands
    case .isNull: [nil]
    case .compare, .like, .isBool, .isUnknown: nil
    }
  }

  /// The values without those that are equal to another; what is not of the type equals nothing.
  private static func distinct(_ values: [String?], _ type: ColumnType, _ arena: ScratchArena)
    -> [Datum]
  {
    let builder = CanonicalKey([type])
    var seen: Set<[UInt8]> = []
    return values.compactMap { text in
      guard let datum = text.map({ type.parse($0, arena) }) ?? .null,
        seen.insert(Array(builder.build { _ in datum }.bytes)).inserted
      else { return nil }
      return datum
    }
  }
}

/// Writes rows as `to_json(row)` prints them, all of their columns or chosen ones.
package struct RowJSONWriter: Sendable {
  /// What stands in the object for one column.
  package struct Member {
    package let name: String
    /// Among the view's columns.
    package let column: Int

    package init(name: String, column: Int) {
      self.name = name
      self.column = column
    }
  }

  private struct Column: Sendable {
    let prefix: [UInt8]
    let slot: ColumnSlot
    let type: ColumnType
    let isQuoted: Bool
    let cap: Int64?
  }

  private let columns: [Column]
  private let tellsFaults: Bool

  /// - Parameters:
  ///   - members: at least one.
  ///   - quotesBigNumbers: whether int8 and numeric are strings, which JavaScript reads without loss.
  ///   - caps: by column, the number to show for all above it.
  ///   - tellsFaults: whether a value that failed is `{"error":"division by zero"}`, so that it is not taken for NULL.
  package init(
    _ members: [Member], of columns: [Plan.View.Column], quotesBigNumbers: Bool = false,
    caps: [Int: Int64] = [:], tellsFaults: Bool = false
  ) {
    self.tellsFaults = tellsFaults
    let layout = RowLayout(columns.map(\.type))
    self.columns = members.enumerated().map { index, member in
      var prefix: [UInt8] = [index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ",")]
      JSONText.write(text: member.name, to: &prefix)
      prefix.append(UInt8(ascii: ":"))
      let type = columns[member.column].type
      return Column(
        prefix: prefix, slot: layout.slots[member.column], type: type,
        isQuoted: quotesBigNumbers && (type == .int8 || type == .numeric),
        cap: caps[member.column])
    }
  }

  /// All columns under their own names.
  package init(columns: [Plan.View.Column]) {
    self.init(
      columns.enumerated().map { Member(name: $1.name, column: $0) }, of: columns)
  }

  package func write(_ row: RowRef, to sink: inout [UInt8]) {
    for column in columns {
      sink.append(contentsOf: column.prefix)
      write(row.datum(column.slot), column, to: &sink)
    }
    sink.append(UInt8(ascii: "}"))
  }

  private func write(_ datum: Datum, _ column: Column, to sink: inout [UInt8]) {
    if tellsFaults, case .fault(let fault) = datum {
      sink.append(contentsOf: "{\"error\":".utf8)
      JSONText.write(text: fault.message, to: &sink)
      sink.append(UInt8(ascii: "}"))
      return
    }
    if let cap = column.cap, column.type.exceeds(datum, cap) {
      if column.isQuoted { sink.append(UInt8(ascii: "\"")) }
      JSONText.write(cap, to: &sink)
      if column.isQuoted { sink.append(UInt8(ascii: "\"")) }
      return
    }
    guard column.isQuoted, column.type.isPlainNumber(datum) else {
      return column.type.writeJSON(datum, to: &sink)
    }
    sink.append(UInt8(ascii: "\""))
    column.type.writeJSON(datum, to: &sink)
    sink.append(UInt8(ascii: "\""))
  }
}

extension ColumnType {
  /// Whether a value is a number above `cap`; NaN is above everything.
  fileprivate func exceeds(_ datum: Datum, _ cap: Int64) -> Bool {
    switch (self, datum) {
    case (.int2, .word(let word)), (.int4, .word(let word)), (.int8, .word(let word)): word > cap
    case (.float4, .word(let word)), (.float8, .word(let word)):
      word.asDouble.compared(to: Double(cap)) > 0
    case (.numeric, .bytes(let bytes)): (Numeric(encoded: bytes) ?? .nan) > Numeric(cap)
    default: false
    }
  }

  /// Whether a value is written without quotes: NULL is no number, and NaN is a string already.
  fileprivate func isPlainNumber(_ datum: Datum) -> Bool {
    switch (self, datum) {
    case (.numeric, .bytes(let bytes)): Numeric(encoded: bytes)?.isFinite ?? false
    case (_, .word): true
    default: false
    }
  }
}

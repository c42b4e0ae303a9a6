/// Writes rows as `to_json(row)` prints them.
struct RowJSONWriter {
  private let columns: [(prefix: [UInt8], slot: ColumnSlot, type: ColumnType)]

  init(columns: [Plan.View.Column]) {
    let layout = RowLayout(columns.map(\.type))
    self.columns = columns.enumerated().map { index, column in
      var prefix: [UInt8] = [index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ",")]
      JSONText.write(text: column.name, to: &prefix)
      prefix.append(UInt8(ascii: ":"))
      return (prefix, layout.slots[index], column.type)
    }
  }

  func write(_ row: RowRef, to sink: inout [UInt8]) {
    for column in columns {
      sink.append(contentsOf: column.prefix)
      column.type.writeJSON(row.datum(column.slot), to: &sink)
    }
    sink.append(UInt8(ascii: "}"))
  }
}

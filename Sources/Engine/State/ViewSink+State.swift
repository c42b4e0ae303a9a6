/// The rows of keys that several rows share; what readers see is written by ``LiveView/writeRows(to:)``.
extension ViewSink: StateKeeper {
  var isAtRest: Bool { pairing.rows.isEmpty && confirmed == nil }

  func writeState(to writer: inout StateWriter) throws {
    try writer.append(UInt64(crowds.count))
    for key in crowds.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let crowd = crowds[key] ?? [:]
      try key.withUnsafeBytes { try writer.append(sized: $0) }
      try writer.append(UInt64(crowd.count))
      for row in crowd.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        try row.withUnsafeBytes { try writer.append(sized: $0) }
        try writer.append(crowd[row] ?? 0)
      }
    }
  }

  func restoreState(from reader: inout StateReader) throws {
    confirmed = nil
    let keyLayout = RowLayout(view.keyTypes)
    for _ in 0..<(try reader.count(bytesEach: 12 + keyLayout.fixedBytes)) {
      let key = try restoreRow(keyLayout, from: &reader)
      let crowd = try restoreCrowd(from: &reader)
      guard crowds.updateValue(crowd, forKey: key) == nil else {
        throw reader.damage("another key")
      }
    }
  }

  private func restoreCrowd(from reader: inout StateReader) throws -> Crowd {
    var crowd: Crowd = [:]
    for _ in 0..<(try reader.count(bytesEach: 12 + view.rowLayout.fixedBytes)) {
      let row = try restoreRow(view.rowLayout, from: &reader)
      let copies = try reader.amount()
      guard copies > 0, crowd.updateValue(copies, forKey: row) == nil else {
        throw reader.damage("another row of the key")
      }
    }
    guard !crowd.isEmpty else { throw reader.damage("rows of a key") }
    return crowd
  }

  private func restoreRow(_ layout: RowLayout, from reader: inout StateReader) throws -> [UInt8] {
    let bytes = try reader.bytes()
    let isRow = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { layout.holds(RowRef(base: $0, count: bytes.count)) } ?? false
    }
    guard isRow else { throw reader.damage("a row of \(view.name)") }
    return bytes
  }
}

extension RowLayout {
  /// Whether bytes that came from elsewhere are a row of this layout: no value reaches beyond them, and none is one that its type can't
  /// have and that expressions do not expect.
  func holds(_ row: RowRef) -> Bool {
    guard row.count >= fixedBytes, row.bytes[0] == 0 || row.fault != nil else { return false }
    for index in slots.indices {
      let slot = slots[index]
      let word = row.base.loadUnaligned(fromByteOffset: Int(slot.offset), as: Int64.self)
      let nulls = row.base.load(fromByteOffset: Int(slot.nullByte), as: UInt8.self)
      if nulls & slot.nullMask != 0 {
        guard word == 0 || ValueFault(rawValue: UInt8(truncatingIfNeeded: word)) != nil else {
          return false
        }
      } else if slot.isBytes {
        let (start, length) = (Int(word & 0xFFFF_FFFF), Int(word >> 32 & 0xFFFF_FFFF))
        guard start >= fixedBytes, start + length <= row.count else { return false }
        if types[index] == .uuid, length != 16 { return false }
      } else {
        guard types[index].holds(word) else { return false }
      }
    }
    return true
  }
}

extension ColumnType {
  /// Whether a value of the type may lie in a slot like this.
  fileprivate func holds(_ word: Int64) -> Bool {
    switch self {
    case .bool: word == 0 || word == 1
    case .int2: Int16(exactly: word) != nil
    case .int4, .date: Int32(exactly: word) != nil
    case .int8, .float4, .float8, .timestamp, .timestamptz: true
    case .numeric, .text, .bpchar, .uuid, .enumeration, .json, .jsonb: false
    }
  }
}

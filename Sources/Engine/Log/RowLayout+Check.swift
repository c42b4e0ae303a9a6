extension RowLayout {
  /// Whether bytes that came from elsewhere can be read as a row of this layout: no value reaches beyond them.
  ///
  /// What the values are is not looked at; no value of a type makes reading it fail.
  package func fits(_ row: RowRef) -> Bool {
    guard row.count >= fixedBytes else { return false }
    for (slot, type) in zip(slots, types) {
      let nulls = row.base.load(fromByteOffset: Int(slot.nullByte), as: UInt8.self)
      guard slot.isBytes, nulls & slot.nullMask == 0 else { continue }
      let word = row.base.loadUnaligned(fromByteOffset: Int(slot.offset), as: UInt64.self)
      let (start, length) = (Int(word & 0xFFFF_FFFF), Int(word >> 32))
      guard start >= fixedBytes, start + length <= row.count else { return false }
      if type == .uuid, length != 16 { return false }
    }
    return true
  }
}

extension RowRef {
  /// Whether two rows, or keys, have the same bytes.
  package func isSame(as other: RowRef) -> Bool { self == other }
}

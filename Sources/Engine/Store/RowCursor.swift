/// Where a page of rows ended: the last row's key, as opaque text for a client to give back.
package enum RowCursor {
  private static let digits = Array("0123456789abcdef".utf8)

  /// The cursor behind `row`.
  package static func encode(_ row: RowRef, of view: LiveView) -> String {
    let layout = RowLayout(view.keyTypes)
    let key = RowBatch()
    key.beginRow(layout)
    for index in layout.slots.indices {
      key.set(layout.slots[index], row.datum(view.keySlots[index]))
    }
    var text: [UInt8] = []
    text.reserveCapacity(2 * key.currentRow.count)
    for byte in key.currentRow.bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The key that a client gave back; nil if it can't be one of the view.
  package static func decode(_ text: UnsafeRawBufferPointer, for view: LiveView) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = value(text[index]), let low = value(text[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes.withUnsafeBytes { RowLayout(view.keyTypes).describes($0) } ? bytes : nil
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    digits.firstIndex(of: digit).map { UInt8($0) }
  }
}

extension RowLayout {
  /// Whether bytes from outside can be read as a row without leaving them.
  func describes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, bytes.count >= fixedBytes else { return false }
    for slot in slots where slot.isBytes {
      let word = base.loadUnaligned(fromByteOffset: Int(slot.offset), as: Int64.self)
      let end = (word & 0xFFFF_FFFF) + (word >> 32 & 0xFFFF_FFFF)
      guard end <= bytes.count else { return false }
    }
    return true
  }
}

/// Where a page of rows ended: the last row, as opaque text for a client to give back.
package enum RowCursor {
  private static let digits = Array("0123456789abcdef".utf8)

  /// Appends the cursor behind `row`.
  package static func encode(_ row: RowRef) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * row.count)
    for byte in row.bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The row that a client gave back; nil if it can't be one of the view.
  package static func decode(_ text: UnsafeRawBufferPointer, for view: LiveView) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = value(text[index]), let low = value(text[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes.withUnsafeBytes { view.rowLayout.describes($0) } ? bytes : nil
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

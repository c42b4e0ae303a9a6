/// Where a page of rows ended: the place of its last row in the order, as opaque text for a client to give back.
///
/// In base64url: a version, a fingerprint of view and order, how many copies of the row were given, then each ordering
/// column's value as text behind its length, NULL as 0. What is read back must be exactly what would be written.
package struct RowCursor {
  /// The values of the ordering columns, laid out as a row of ``RowOrder/placeTypes``.
  package let place: [UInt8]
  /// How many of the row's copies the page contained; other than 1 only in views without a key.
  package let copiesGiven: Int

  /// The most bytes of a cursor, which has to fit a request line with all else.
  package static let textBytesMax = 4_096
  private static let version: UInt8 = 1

  /// The cursor behind the first `copies` of `row`; nil if its values are too long.
  package static func encode(_ row: RowRef, copies: Int, _ order: RowOrder, of view: LiveView)
    -> String?
  {
    let place = place(order) { order.datum($0, of: row) }
    guard place.count <= textBytesMax else { return nil }
    let text = Base64.url.encode(bytes(of: place, copies: copies, order, view))
    // Numbers have bounds of their own when they are read.
    return RowCursor(text, order, of: view) == nil ? nil : text
  }

  /// Reads what a client gave back; nil if it can't be of this view and order.
  package init?(_ text: String, _ order: RowOrder, of view: LiveView) {
    guard text.utf8.count <= Self.textBytesMax, let bytes = Base64.url.decode(text) else {
      return nil
    }
    var reader = CursorReader(bytes)
    guard reader.byte() == Self.version, reader.word() == Self.fingerprint(order, view),
      let copies = reader.length(), copies > 0
    else { return nil }
    let arena = ScratchArena()
    var datums: [Datum] = []
    for type in order.placeTypes {
      guard let datum = reader.value(type, arena) else { return nil }
      datums.append(datum)
    }
    place = Self.place(order) { datums[$0] }
    guard Self.bytes(of: place, copies: copies, order, view) == bytes else { return nil }
    copiesGiven = copies
  }

  private static func place(_ order: RowOrder, _ datum: (Int) -> Datum) -> [UInt8] {
    let builder = CanonicalKey(order.placeTypes, mergesSpellings: !order.ordersSpellings)
    return withExtendedLifetime(builder) { Array(builder.build(datum).bytes) }
  }

  private static func bytes(of place: [UInt8], copies: Int, _ order: RowOrder, _ view: LiveView)
    -> [UInt8]
  {
    var bytes = [version]
    append(fingerprint(order, view), to: &bytes)
    append(length: copies, to: &bytes)
    let slots = RowLayout(order.placeTypes).slots
    place.withUnsafeBytes { place in
      guard let base = place.baseAddress else { return }
      for (slot, type) in zip(slots, order.placeTypes) {
        let datum = RowRef(base: base, count: place.count).datum(slot)
        var text: [UInt8] = []
        type.writeText(datum, to: &text)
        append(length: datum.isNull ? 0 : text.count + 1, to: &bytes)
        bytes += text
      }
    }
    return bytes
  }

  /// FNV-1a, which is the same in every process: a cursor outlives a restart.
  private static func fingerprint(_ order: RowOrder, _ view: LiveView) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    mix(view.name.description.utf8)
    for term in order.terms {
      let column = view.definition.columns[term.column]
      mix(column.name.utf8)
      mix([0, column.type.rawValue, term.isDescending ? 1 : 0, term.hasNullsFirst ? 1 : 0])
    }
    return hash
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
  }

  /// Seven bits to a byte, the lowest first, the last with its top bit clear.
  private static func append(length: Int, to bytes: inout [UInt8]) {
    var rest = length
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads the bytes of a cursor, which may be anything.
private struct CursorReader {
  private let bytes: [UInt8]
  private var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func byte() -> UInt8? {
    guard index < bytes.count else { return nil }
    defer { index += 1 }
    return bytes[index]
  }

  mutating func word() -> UInt64? {
    guard index + 8 <= bytes.count else { return nil }
    defer { index += 8 }
    return bytes.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
  }

  mutating func length() -> Int? {
    var length = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard let byte = byte() else { return nil }
      length |= Int(byte & 0x7F) << shift
      if byte < 0x80 { return length }
    }
    return nil
  }

  mutating func value(_ type: ColumnType, _ arena: ScratchArena) -> Datum? {
    guard let length = length(), length - 1 <= bytes.count - index else { return nil }
    guard length > 0 else { return .null }
    defer { index += length - 1 }
    return bytes[index..<index + length - 1].withUnsafeBytes { text in
      guard String(validating: text, as: UTF8.self) != nil, !text.contains(0) else { return nil }
      // An exponent would be short and stand for a long number; none is ever written.
      if type == .numeric, text.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) { return nil }
      guard let datum = type.hasEquality ? type.parse(text, arena) : .bytes(text) else {
        return nil
      }
      guard case .bytes(let value) = datum else { return datum }
      return .bytes(arena.copy(value))
    }
  }
}

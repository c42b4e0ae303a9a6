import TestSupport
import Testing

@testable import Engine

struct RowCursorTests {
  private static let types: [ColumnType] = [
    .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .numeric, .text,
    .bpchar, .uuid, .enumeration, .json,
  ]

  private func view(_ types: [ColumnType], name: String = "v", key: [Int] = []) -> LiveView {
    let columns = types.enumerated().map { index, type in
      Plan.View.Column(name: "c\(index)", type: type, typeName: "\(type)")
    }
    let definition = Plan.View(
      name: QualifiedName(schema: "public", name: name), node: 0, columns: columns, key: key,
      identity: Array(types.indices), definition: "")
    return LiveView(definition: definition, table: ViewTable(hasher: RowHasher(seed: 1)))
  }

  /// The cursor behind a row with these values.
  private func encode(_ texts: [String?], copies: Int = 1, _ order: RowOrder, _ view: LiveView)
    -> String?
  {
    let batch = row(texts, view)
    return withExtendedLifetime(batch) {
      RowCursor.encode(batch.row(0), copies: copies, order, of: view)
    }
  }

  private func row(_ texts: [String?], _ view: LiveView) -> RowBatch {
    let arena = ScratchArena()
    let batch = RowBatch()
    batch.beginRow(view.rowLayout)
    for (index, text) in texts.enumerated() {
      let type = view.definition.columns[index].type
      guard var text else {
        batch.set(view.rowLayout.slots[index], .null)
        continue
      }
      text.withUTF8 { utf8 in
        let bytes = UnsafeRawBufferPointer(utf8)
        let datum = type == .json ? .bytes(bytes) : type.parse(bytes, arena) ?? .null
        batch.set(view.rowLayout.slots[index], datum)
      }
    }
    batch.endRow(weight: 1)
    return batch
  }

  private static let samples: [[String?]] = [
    [
      "true", "-32768", "2147483647", "-9223372036854775808", "1.5", "-1e300", "4713-01-01 BC",
      "infinity", "2026-03-30 15:00:00.123456+00", "-12345.6700", "ü\"\\", "ab ",
      "01234567-89ab-cdef-0123-456789abcdef", "label", "{\"a\": [1]}",
    ],
    Array(repeating: nil, count: 15),
    [
      "f", "0", "0", "0", "nan", "-0", "infinity", "-infinity", "294276-12-31 23:59:59.999999+00",
      "NaN", "", "", "00000000-0000-0000-0000-000000000000", "", "null",
    ],
  ]

  @Test func everyCursorIsReadBackToItsPlace() throws {
    let view = view(Self.types)
    for descending in [false, true] {
      let order = RowOrder(view, by: [.init(column: 3, isDescending: descending)])
      for sample in Self.samples {
        let text = try #require(encode(sample, copies: 7, order, view))
        let cursor = try #require(RowCursor(text, order, of: view))
        #expect(cursor.copiesGiven == 7)
        let row = row(sample, view)
        withExtendedLifetime(row) { #expect(order.compare(row.row(0), to: cursor) == 0) }
      }
    }
  }

  @Test func aCursorBelongsToItsViewAndOrder() throws {
    let view = view(Self.types)
    let order = RowOrder(view)
    let text = try #require(
      encode(Self.samples[0], order, view))
    #expect(RowCursor(text, order, of: view) != nil)
    #expect(
      RowCursor(text, RowOrder(view, by: [.init(column: 0, isDescending: true)]), of: view) == nil)
    #expect(RowCursor(text, RowOrder(view, by: [.init(column: 1)]), of: view) == nil)
    let other = self.view(Self.types, name: "w")
    #expect(RowCursor(text, RowOrder(other), of: other) == nil)
  }

  @Test func everyTruncationAndEveryChangedBitIsRefusedOrAnotherPlace() throws {
    let view = view(Self.types)
    let order = RowOrder(view)
    let text = try #require(
      encode(Self.samples[0], order, view))
    for length in 0..<text.utf8.count {
      #expect(RowCursor(String(text.prefix(length)), order, of: view) == nil)
    }
    let bytes = try #require(Base64.url.decode(text))
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        let spelled = Base64.url.encode(changed)
        // What is taken is exactly what would be written.
        guard let cursor = RowCursor(spelled, order, of: view) else { continue }
        #expect(cursor.copiesGiven > 0 && index >= 9)
      }
    }
  }

  /// A review found that a number of scale 16383 in a cursor costs much to compare with.
  @Test(arguments: [
    "1e-16383", "1e5", "1.0", "01", "+1", " 1", "-0", "1e1000", "nan", ".5", "1.",
    "0." + String(repeating: "0", count: 1500) + "1",
  ])
  func valuesThatAreNotCanonicalAreRefused(text: String) throws {
    let view = view([.numeric], key: [0])
    let order = RowOrder(view)
    let good = try #require(encode(["5"], order, view))
    let bytes = try #require(Base64.url.decode(good))
    // Behind version, fingerprint and copies: a length and the text.
    var forged = Array(bytes[..<10])
    let length = text.utf8.count + 1
    forged += length > 0x7F ? [UInt8(length & 0x7F) | 0x80, UInt8(length >> 7)] : [UInt8(length)]
    forged += Array(text.utf8)
    #expect(RowCursor(Base64.url.encode(forged), order, of: view) == nil)
  }

  @Test func valuesTooLongForARequestGiveNoCursor() {
    let texts = view([.text])
    #expect(encode([String(repeating: "x", count: 4_000)], RowOrder(texts), texts) == nil)
    #expect(encode([String(repeating: "x", count: 3_000)], RowOrder(texts), texts) != nil)
    let numbers = view([.numeric])
    #expect(encode([String(repeating: "9", count: 2_050)], RowOrder(numbers), numbers) != nil)
  }

  @Test func otherAlphabetsAndLeftOverBitsAreRefused() {
    for text in ["=", "AA==", "AB", "A", "+/", "é", "AA\n", String(repeating: "A", count: 9_000)] {
      #expect(RowCursor(text, RowOrder(view([.int4])), of: view([.int4])) == nil)
    }
  }
}

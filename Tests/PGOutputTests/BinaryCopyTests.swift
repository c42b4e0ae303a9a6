import Testing

@testable import PGOutput

@Suite struct BinaryCopyTests {
  private static let signature = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00]
  private static let header = WireBytes().raw(signature).integer(UInt32(0)).integer(Int32(3))
    .raw([9, 9, 9]).bytes
  private static let rows = WireBytes()
    .integer(Int16(2)).integer(Int32(2)).raw([0x68, 0x69]).integer(Int32(-1))
    .integer(Int16(1)).integer(Int32(0))
    .integer(Int16(-1)).bytes

  /// All rows up to the trailer; nil stands for NULL.
  private func decode(_ bytes: [UInt8]) throws -> [[[UInt8]?]] {
    try bytes.withUnsafeBytes { raw in
      var cursor = Cursor(raw)
      try BinaryCopy.skipHeader(&cursor)
      var rows: [[[UInt8]?]] = []
      while let count = try BinaryCopy.fieldCount(&cursor) {
        var row: [[UInt8]?] = []
        for _ in 0..<count { row.append(try BinaryCopy.field(&cursor).map { Array($0) }) }
        rows.append(row)
      }
      return rows
    }
  }

  @Test func rowsComeBetweenHeaderAndTrailer() throws {
    #expect(try decode(Self.header + Self.rows) == [[[0x68, 0x69], nil], [[]]])
  }

  @Test func anEmptyTableIsHeaderAndTrailer() throws {
    #expect(try decode(Self.header + [0xFF, 0xFF]) == [])
  }

  @Test func cutAnywhereItIsRefused() {
    let whole = Self.header + Self.rows
    for length in 0..<whole.count {
      #expect(throws: DecodeError.self, "\(length) bytes") {
        try decode(Array(whole.prefix(length)))
      }
    }
  }

  @Test func aWrongSignatureIsRefused() {
    for index in Self.signature.indices {
      var bytes = Self.header + Self.rows
      bytes[index] ^= 0x20
      #expect(throws: DecodeError(offset: 0, expected: "the signature of binary COPY")) {
        try decode(bytes)
      }
    }
  }

  @Test(arguments: [Int32.min, -2, 1_000, Int32.max])
  func fieldLengthsThatLieAreRefused(_ length: Int32) {
    let row = WireBytes().integer(Int16(1)).integer(length).raw([1, 2, 3]).integer(Int16(-1))
    #expect(throws: DecodeError.self) { try decode(Self.header + row.bytes) }
  }

  @Test(arguments: [Int32.min, -1, 1_000, Int32.max])
  func headerExtensionsThatLieAreRefused(_ length: Int32) {
    let header = WireBytes().raw(Self.signature).integer(UInt32(0)).integer(length)
    #expect(throws: DecodeError.self) { try decode(header.bytes + Self.rows) }
  }

  @Test(arguments: [Int16.min, -2])
  func fieldCountsThatAreNoTrailerAreRefused(_ count: Int16) {
    #expect(throws: DecodeError.self) {
      try decode(Self.header + WireBytes().integer(count).bytes)
    }
  }
}

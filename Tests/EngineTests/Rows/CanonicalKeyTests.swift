import Testing

@testable import Engine

/// Values that SQL calls equal get the same key, others do not.
@Suite struct CanonicalKeyTests {
  private func key(_ datum: Datum, _ type: ColumnType) -> [UInt8] {
    let key = CanonicalKey([type])
    return withExtendedLifetime(key) { Array(key.build { _ in datum }.bytes) }
  }

  private func key(numeric text: String) throws -> [UInt8] {
    var encoded: [UInt8] = []
    try #require(Numeric(text)).encode(into: &encoded)
    return encoded.withUnsafeBytes { key(.bytes($0), .numeric) }
  }

  private func key(_ text: String, _ type: ColumnType) -> [UInt8] {
    Array(text.utf8).withUnsafeBytes { key(.bytes($0), type) }
  }

  @Test(arguments: [
    ["1", "1.0", "1.00", "1e0"], ["0", "0.0", "-0", "0.000"], ["-10", "-10.0", "-1e1"],
    ["NaN", "nan"], ["Infinity", "inf"], ["1e40", "10000000000000000000000000000000000000000.0"],
  ])
  func equalNumericsShareAKey(_ spellings: [String]) throws {
    let keys = try spellings.map { try key(numeric: $0) }
    #expect(Set(keys).count == 1, "\(keys)")
  }

  @Test func differentNumericsDoNotShareAKey() throws {
    let keys = try ["1", "-1", "10", "0.1", "0", "NaN", "Infinity", "-Infinity"].map {
      try key(numeric: $0)
    }
    #expect(Set(keys).count == keys.count)
  }

  @Test(arguments: [ColumnType.float4, .float8])
  func zerosAndNaNsOfFloatsShareTheirKeys(_ type: ColumnType) {
    #expect(key(.float(0.0), type) == key(.float(-0.0), type))
    let quiet = Double(bitPattern: 0x7FF8_0000_0000_0001)
    #expect(key(.float(.nan), type) == key(.float(-Double.nan), type))
    #expect(key(.float(.nan), type) == key(.float(quiet), type))
    #expect(key(.float(1), type) != key(.float(-1), type))
  }

  @Test func paddingBelongsToTextButNotToChar() {
    #expect(key("a", .bpchar) == key("a   ", .bpchar))
    #expect(key("", .bpchar) == key("  ", .bpchar))
    #expect(key(" a", .bpchar) != key("a", .bpchar))
    #expect(key("a", .text) != key("a ", .text))
  }

  @Test(arguments: ColumnType.allCases)
  func nullIsAKeyOfItsOwn(_ type: ColumnType) {
    let other = type.representation == .word ? key(.word(0), type) : key("", type)
    #expect(key(.null, type) == key(.null, type))
    #expect(key(.null, type) != other)
  }

  @Test func columnsDoNotRunTogether() {
    func key(_ a: String, _ b: String) -> [UInt8] {
      let builder = CanonicalKey([.text, .text])
      return Array(a.utf8).withUnsafeBytes { a in
        Array(b.utf8).withUnsafeBytes { b in
          Array(builder.build { $0 == 0 ? .bytes(a) : .bytes(b) }.bytes)
        }
      }
    }
    #expect(key("ab", "c") != key("a", "bc"))
    #expect(key("ab", "c") == key("ab", "c"))
  }
}

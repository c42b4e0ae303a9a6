import TestSupport
import Testing

@testable import Engine

/// The keys that filters leave; that rows are found by them as by going through all is in `RowAccessTests`.
struct KeyProbeTests {
  private static let columns = [
    Plan.View.Column(name: "item", type: .int4, typeName: "integer"),
    Plan.View.Column(name: "place", type: .text, typeName: "text"),
    Plan.View.Column(name: "price", type: .numeric, typeName: "numeric"),
    Plan.View.Column(name: "units", type: .int8, typeName: "bigint"),
  ]

  /// The keys as texts, joined by a comma; nil where there is no probe.
  private func keys(
    _ conditions: [(String, String)], key: [Int] = [0, 1], capped: Set<Int> = []
  ) throws -> Set<String>? {
    var parser = FilterParser()
    let filters = try conditions.map { try parser.parse(name: $0.0, value: $0.1) }
    guard
      let probe = KeyProbe(.all(filters), columns: Self.columns, key: key, capped: capped)
    else { return nil }
    let texts = probe.keys.map { Self.text($0, key.map { Self.columns[$0].type }) }
    #expect(Set(texts).count == texts.count, "a key is there twice: \(texts)")
    return Set(texts)
  }

  private static func text(_ key: [UInt8], _ types: [ColumnType]) -> String {
    key.withUnsafeBytes { bytes in
      let row = RowRef(base: bytes.baseAddress!, count: bytes.count)
      return zip(RowLayout(types).slots, types).map { slot, type in
        var text: [UInt8] = []
        type.writeText(row.datum(slot), to: &text)
        return row.datum(slot).isNull ? "NULL" : String(decoding: text, as: UTF8.self)
      }.joined(separator: ",")
    }
  }

  @Test(arguments: [
    ([("item", "eq.1"), ("place", "eq.a")], ["1,a"]),
    ([("item", "in.(1,2)"), ("place", "in.(a,b)")], ["1,a", "1,b", "2,a", "2,b"]),
    ([("item", "in.(1, 1,+1,01)"), ("place", "eq.a")], ["1,a"]),
    ([("item", "is.null"), ("place", "eq.")], ["NULL,"]),
    ([("item", "in.(1,2)"), ("place", "eq.a"), ("item", "eq.2"), ("units", "lt.5")], ["2,a"]),
    ([("item", "in.()"), ("place", "eq.a")], []),
    ([("or", "(item.eq.1,item.in.(2,3))"), ("place", "eq.a")], ["1,a", "2,a", "3,a"]),
    (
      [("or", "(and(item.eq.1,place.eq.a),and(place.eq.b,item.eq.2,units.gt.0))")],
      ["1,a", "1,b", "2,a", "2,b"]
    ),
    ([("and", "(item.eq.1,place.eq.a,not.or(item.eq.1,units.eq.3))")], ["1,a"]),
  ])
  func pinnedKeysAreNamedOnce(_ conditions: [(String, String)], expected: [String]) throws {
    #expect(try keys(conditions) == Set(expected))
  }

  @Test(arguments: [
    [("item", "eq.1")], [("item", "eq.1"), ("place", "neq.a")],
    [("item", "eq.1"), ("place", "like.a")],
    [("item", "not.eq.1"), ("place", "eq.a")], [("item", "not.in.(1)"), ("place", "eq.a")],
    [("item", "not.is.null"), ("place", "eq.a")], [("item", "lte.1"), ("place", "eq.a")],
    [("or", "(item.eq.1,place.eq.a)")], [("or", "(item.eq.1,item.gt.5)"), ("place", "eq.a")],
    [("not.and", "(item.eq.1,place.eq.a)")], [("not.or", "(item.eq.1)"), ("place", "eq.a")],
  ])
  func openKeysAreNotProbed(_ conditions: [(String, String)]) throws {
    #expect(try keys(conditions) == nil)
  }

  @Test func spellingsOfANumberAreOneKey() throws {
    #expect(try keys([("price", "in.(1.0,1.00,1e0,2)")], key: [2]) == ["1", "2"])
  }

  @Test func aViewWithoutAKeyIsNotProbed() throws {
    #expect(try keys([("item", "eq.1"), ("place", "eq.a")], key: []) == nil)
  }

  @Test func whatTheFilterSeesCappedIsNotProbed() throws {
    #expect(try keys([("item", "eq.10"), ("place", "eq.a")], capped: [0]) == nil)
    #expect(try keys([("item", "eq.10"), ("place", "eq.a")], capped: [3]) == ["10,a"])
  }

  @Test func moreKeysThanALookUpTakesAreNotProbed() throws {
    let hundred = "in.(" + (1...100).map(String.init).joined(separator: ",") + ")"
    #expect(try keys([("item", hundred), ("place", hundred)])?.count == 10_000)
    let more = "in.(" + (1...101).map(String.init).joined(separator: ",") + ")"
    #expect(try keys([("item", hundred), ("place", more)]) == nil)
  }
}

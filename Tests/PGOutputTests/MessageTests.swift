import Testing

@testable import PGOutput

@Suite struct MessageTests {
  private func decode(_ bytes: [UInt8]) throws -> Message {
    try bytes.withUnsafeBytes { raw in
      var cursor = Cursor(raw)
      return try Message(&cursor)
    }
  }

  @Test func beginTellsTheTransaction() throws {
    guard case .begin(let lsn, let time, let xid) = try decode(SampleMessage.begin) else {
      Issue.record("not a begin")
      return
    }
    #expect(lsn == 0x1_0000_0020)
    #expect(time == -5)
    #expect(xid == 731)
  }

  @Test func commitTellsWhereItStartsAndEnds() throws {
    guard case .commit(let start, let end, let time) = try decode(SampleMessage.commit) else {
      Issue.record("not a commit")
      return
    }
    #expect((start, end) == (64, 112))
    #expect(time == 700_000_000_000_000)
  }

  @Test func relationDescribesItsColumns() throws {
    guard case .relation(let relation) = try decode(SampleMessage.relation) else {
      Issue.record("not a relation")
      return
    }
    #expect(relation.oid == 16_384)
    #expect((relation.schema, relation.name) == ("shop", "größe"))
    #expect(relation.replicaIdentity == "f")
    #expect(relation.columns.map(\.isKey) == [true, false])
    #expect(relation.columns.map(\.name) == ["id", "label"])
    #expect(relation.columns.map(\.typeOID) == [20, 1043])
    #expect(relation.columns.map(\.typmod) == [-1, 24])
  }

  @Test func anEmptySchemaIsTheSystemCatalogs() throws {
    let bytes = WireBytes("R").integer(UInt32(1)).string("").string("t").letter("d")
      .integer(Int16(0)).bytes
    guard case .relation(let relation) = try decode(bytes) else {
      Issue.record("not a relation")
      return
    }
    #expect(relation.schema == "pg_catalog")
    #expect(relation.columns.isEmpty)
  }

  @Test(arguments: [
    (SampleMessage.insert, ["insert(relation: 7)", "1,~"]),
    (SampleMessage.update, ["update(relation: 7, old: PGOutput.Message.OldTuple.none)", "1,b"]),
    (
      SampleMessage.updateOfKey,
      ["update(relation: 7, old: PGOutput.Message.OldTuple.key)", "1,~", "2,b"]
    ),
    (
      SampleMessage.updateOfWhole,
      ["update(relation: 7, old: PGOutput.Message.OldTuple.full)", "1,a", "2,b"]
    ),
    (
      SampleMessage.deleteOfKey, ["delete(relation: 7, old: PGOutput.Message.OldTuple.key)", "1,~"]
    ),
    (
      SampleMessage.deleteOfWhole,
      ["delete(relation: 7, old: PGOutput.Message.OldTuple.full)", "1,a"]
    ),
    (SampleMessage.truncate, ["truncate(relations: [7, 9])"]),
    (SampleMessage.type, ["other(89)"]),
    (SampleMessage.origin, ["other(79)"]),
    (SampleMessage.application, ["other(77)"]),
  ])
  func rowMessagesLeaveTheCursorAtTheirTuples(_ bytes: [UInt8], _ expected: [String]) throws {
    #expect(try decodeWholly(bytes) == expected)
  }

  @Test func everyKindOfValueIsTold() throws {
    let bytes = WireBytes("I").integer(UInt32(1)).letter("N").integer(Int16(4))
      .letter("n").letter("u").letter("t").integer(Int32(0))
      .letter("b").integer(Int32(2)).raw([0x0A, 0xFF]).bytes
    #expect(try decodeWholly(bytes) == ["insert(relation: 1)", "~,=,,0xaff"])
  }

  @Test(arguments: ["S", "E", "c", "A", "P", "b", "\u{0}"] as [Character])
  func kindsOfOtherProtocolVersionsAreRefused(_ kind: Character) {
    let bytes = WireBytes(kind).raw([UInt8](repeating: 0, count: 64)).bytes
    #expect(throws: DecodeError(offset: 0, expected: "a message of protocol version 1")) {
      try decode(bytes)
    }
  }

  @Test func wrongTupleMarkersAreRefused() {
    let insert = WireBytes("I").integer(UInt32(7)).letter("K").tuple(["1"]).bytes
    let update = WireBytes("U").integer(UInt32(7)).letter("X").tuple(["1"]).bytes
    let delete = WireBytes("D").integer(UInt32(7)).letter("N").tuple(["1"]).bytes
    #expect(throws: DecodeError(offset: 5, expected: "N")) { try decode(insert) }
    #expect(throws: DecodeError(offset: 5, expected: "N, K or O")) { try decode(update) }
    #expect(throws: DecodeError(offset: 5, expected: "K or O")) { try decode(delete) }
  }
}

@testable import PGOutput

/// Messages put together by hand, field by field, as the protocol's documentation lists them.
struct WireBytes {
  private(set) var bytes: [UInt8] = []

  init(_ kind: Character? = nil) {
    if let kind { bytes.append(kind.asciiValue ?? 0) }
  }

  func byte(_ value: UInt8) -> WireBytes { with { $0.append(value) } }

  func letter(_ value: Character) -> WireBytes { byte(value.asciiValue ?? 0) }

  func integer(_ value: some FixedWidthInteger) -> WireBytes {
    with { bytes in withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
  }

  func string(_ text: String) -> WireBytes { with { $0 += Array(text.utf8) + [0] } }

  func raw(_ more: [UInt8]) -> WireBytes { with { $0 += more } }

  /// A tuple; nil is NULL.
  func tuple(_ values: [String?]) -> WireBytes {
    values.reduce(integer(Int16(values.count))) { wire, value in
      guard let value else { return wire.letter("n") }
      return wire.letter("t").integer(Int32(value.utf8.count)).raw(Array(value.utf8))
    }
  }

  private func with(_ change: (inout [UInt8]) -> Void) -> WireBytes {
    var changed = self
    change(&changed.bytes)
    return changed
  }
}

/// A message of every kind, complete.
enum SampleMessage {
  static let begin = WireBytes("B").integer(UInt64(0x1_0000_0020)).integer(Int64(-5))
    .integer(UInt32(731)).bytes
  static let commit = WireBytes("C").byte(0).integer(UInt64(64)).integer(UInt64(112))
    .integer(Int64(700_000_000_000_000)).bytes
  static let relation = WireBytes("R").integer(UInt32(16_384)).string("shop").string("größe")
    .letter("f").integer(Int16(2))
    .byte(1).string("id").integer(UInt32(20)).integer(Int32(-1))
    .byte(0).string("label").integer(UInt32(1043)).integer(Int32(24)).bytes
  static let insert = WireBytes("I").integer(UInt32(7)).letter("N").tuple(["1", nil]).bytes
  static let update = WireBytes("U").integer(UInt32(7)).letter("N").tuple(["1", "b"]).bytes
  static let updateOfKey = WireBytes("U").integer(UInt32(7)).letter("K").tuple(["1", nil])
    .letter("N").tuple(["2", "b"]).bytes
  static let updateOfWhole = WireBytes("U").integer(UInt32(7)).letter("O").tuple(["1", "a"])
    .letter("N").tuple(["2", "b"]).bytes
  static let deleteOfKey = WireBytes("D").integer(UInt32(7)).letter("K").tuple(["1", nil]).bytes
  static let deleteOfWhole = WireBytes("D").integer(UInt32(7)).letter("O").tuple(["1", "a"]).bytes
  static let truncate = WireBytes("T").integer(Int32(2)).byte(3).integer(UInt32(7))
    .integer(UInt32(9)).bytes
  static let type = WireBytes("Y").integer(UInt32(16_400)).string("public").string("mood").bytes
  static let origin = WireBytes("O").integer(UInt64(1)).string("upstream").bytes
  static let application = WireBytes("M").byte(1).integer(UInt64(9)).string("prefix")
    .integer(Int32(2)).raw([1, 2]).bytes

  static let all = [
    begin, commit, relation, insert, update, updateOfKey, updateOfWhole, deleteOfKey,
    deleteOfWhole, truncate, type, origin, application,
  ]
}

/// Decodes a message and all its tuples, as a receiver does.
func decodeWholly(_ bytes: [UInt8]) throws(DecodeError) -> [String] {
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { copy.deallocate() }
  copy.copyBytes(from: bytes)
  var cursor = Cursor(UnsafeRawBufferPointer(copy))
  let message = try Message(&cursor)
  var text = ["\(message)"]
  switch message {
  case .insert: text.append(try tuple(&cursor))
  case .update(_, let old):
    if old != .none {
      text.append(try tuple(&cursor))
      try Message.expectNew(&cursor)
    }
    text.append(try tuple(&cursor))
  case .delete: text.append(try tuple(&cursor))
  case .begin, .commit, .relation, .truncate, .other: break
  }
  return text
}

/// A tuple's values, `~` for NULL and `=` for unchanged.
private func tuple(_ cursor: inout Cursor) throws(DecodeError) -> String {
  let tuple = try TupleData(&cursor)
  var values: [String] = []
  for _ in 0..<tuple.columnCount {
    switch try tuple.next(&cursor) {
    case .null: values.append("~")
    case .unchanged: values.append("=")
    case .text(let bytes): values.append(String(decoding: bytes, as: UTF8.self))
    case .binary(let bytes): values.append("0x" + bytes.map { String($0, radix: 16) }.joined())
    }
  }
  return values.joined(separator: ",")
}

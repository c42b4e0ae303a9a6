import FuzzSupport
import JSONWire

// Whatever bytes come, they are read without a fault. What is read is within its bounds, and written down again it is read
// as the same.

private let limits = JSONLimits(bytesMax: 2_048, depthMax: 8, membersMax: 8)
/// Escapes make a text longer: six bytes for a control character.
private let rewrittenLimits = JSONLimits(bytesMax: 6 * 2_048 + 2, depthMax: 8, membersMax: 8)

private let seeds = [
  #"{"keys":[[1,"a"],[2,"b\u00e9\n"],["\ud83d\ude00"]]}"#, #"{"items":["1","2"],"wait":null}"#,
  "[]", "{}", "[[[[[[[[[]]]]]]]]]", " [ true , false , null , -0 , 0.5e-10 , 1E+400 ] ", "01", "\"",
  #""\u""#, #"{"a":1,"a":2}"#, #"["\ud800"]"#, "[1,]", "nul", "\u{feff}{}", "1 2",
]

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  Seeds.writeIfAsked(seeds.map { Array($0.utf8) })
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  guard let document = try? JSONDocument(bytes, limits) else { return 0 }
  precondition(walk(document.root, depth: 1) <= count, "more values than bytes")
  var text: [UInt8] = []
  write(document.root, to: &text)
  let again = text.withUnsafeBytes { try? JSONDocument($0, rewrittenLimits) }
  var textAgain: [UInt8] = []
  if let again { write(again.root, to: &textAgain) }
  precondition(again != nil && textAgain == text, "written down, it is another")
  return 0
}

/// How many values there are.
private func walk(_ value: JSONValue, depth: Int) -> Int {
  precondition(depth <= limits.depthMax + 1, "deeper than allowed")
  value.withText { text in
    precondition(String(validating: text, as: UTF8.self) != nil, "no UTF-8")
  }
  var count = 1
  if let elements = value.elements {
    for element in elements { count += walk(element, depth: depth + 1) }
  }
  if let members = value.members {
    precondition(members.count == value.count && members.count <= limits.membersMax)
    precondition(Set(members.map(\.name)).count == members.count, "a name twice")
    for member in members { count += walk(member.value, depth: depth + 1) }
  }
  return count
}

/// Appends the value, with an escape wherever there may be one.
private func write(_ value: JSONValue, to text: inout [UInt8]) {
  switch value.kind {
  case .null: text += "null".utf8
  case .bool(let flag): text += (flag ? "true" : "false").utf8
  case .number: text += value.number!.utf8
  case .string: write(value.string!, to: &text)
  case .array:
    text += "[".utf8
    for (index, element) in value.elements!.enumerated() {
      if index > 0 { text += ",".utf8 }
      write(element, to: &text)
    }
    text += "]".utf8
  case .object:
    text += "{".utf8
    for (index, member) in value.members!.enumerated() {
      if index > 0 { text += ",".utf8 }
      write(member.name, to: &text)
      text += ":".utf8
      write(member.value, to: &text)
    }
    text += "}".utf8
  }
}

private func write(_ string: String, to text: inout [UInt8]) {
  text += "\"".utf8
  for byte in string.utf8 {
    switch byte {
    case 0..<0x20: text += "\\u00\(byte < 16 ? "0" : "1")\(String(byte & 15, radix: 16))".utf8
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text += [0x5C, byte]
    default: text.append(byte)
    }
  }
  text += "\"".utf8
}

import TestSupport
import Testing

@testable import JSONWire

struct JSONDocumentTests {
  private func read(_ text: String, _ limits: JSONLimits = JSONLimits()) throws(JSONFault)
    -> JSONDocument
  {
    try read(Array(text.utf8), limits)
  }

  private func read(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) throws(JSONFault)
    -> JSONDocument
  {
    // Of exactly this size, so that a sanitizer sees a read behind the end.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try JSONDocument(UnsafeRawBufferPointer(copy), limits)
  }

  private func reason(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONFault.Reason? {
    do throws(JSONFault) {
      _ = try read(bytes, limits)
      return nil
    } catch {
      return error.reason
    }
  }

  private func reason(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONFault.Reason? {
    reason(Array(text.utf8), limits)
  }

  // MARK: What is taken

  @Test func valuesAreReadAsTheyAreWritten() throws {
    let document = try read(
      #" { "keys" : [ [1, "a"], null, true, false, -0.50e+10 ], "" : {} , "é\/" : [] } "#)
    let keys = try #require(document.root["keys"]?.elements)
    #expect(keys.map(\.kind) == [.array, .null, .bool(true), .bool(false), .number])
    #expect(keys.compactMap(\.number) == ["-0.50e+10"])
    let first = try #require(Array(keys).first)
    #expect(first.elements?.map { $0.withText { Array($0) } } == [[0x31], [0x61]])
    #expect(document.root.members?.map(\.name) == ["keys", "", "é/"])
    #expect(document.root[""]?.kind == .object)
    #expect(document.root["é/"]?.count == 0)
    #expect(document.root["absent"] == nil)
  }

  @Test func everyEscapeStandsForItsCharacter() throws {
    let document = try read(#"["\"\\\/\b\f\n\r\t","\u0041\u00e9\u20AC","\uD83D\uDE00","😀"]"#)
    #expect(
      document.root.elements?.compactMap(\.string) == [
        "\"\\/\u{8}\u{c}\n\r\t", "Aé€", "😀", "😀",
      ])
  }

  @Test func numbersStayExact() throws {
    let digits = String(repeating: "9", count: 500)
    let numbers = ["0", "-0", "12345678901234567890", "1.10", "1E5", "1e-7", digits + "." + digits]
    let document = try read("[" + numbers.joined(separator: ",") + "]")
    #expect(document.root.elements?.compactMap(\.number) == numbers)
  }

  @Test func manyKeysAreReadInOneGo() throws {
    let keys = (0..<20_000).map { "[\($0),\"w\($0 % 7)\"]" }.joined(separator: ",")
    let document = try read("{\"keys\":[\(keys)]}")
    #expect(document.root["keys"]?.count == 20_000)
    let last = document.root["keys"]?.elements.map { Array($0) }?.last?.elements.map { Array($0) }
    #expect(last?.first?.number == "19999" && last?.last?.string == "w0")
  }

  // MARK: What is refused

  @Test(arguments: [
    ("", JSONFault.Reason.endsEarly), (" ", .endsEarly), ("[", .endsEarly), ("[1", .endsEarly),
    ("[1,]", .unexpectedByte), ("[,1]", .unexpectedByte), ("[1 2]", .unexpectedByte),
    ("{\"a\"}", .unexpectedByte), ("{\"a\":}", .unexpectedByte), ("{a:1}", .unexpectedByte),
    ("{\"a\":1,}", .unexpectedByte), ("{1:1}", .unexpectedByte), ("'a'", .unexpectedByte),
    ("1 2", .trailingBytes), ("{}{}", .trailingBytes), ("null\u{0}", .trailingBytes),
    ("nul", .endsEarly), ("nulL", .unexpectedByte), ("NaN", .unexpectedByte),
    ("Infinity", .unexpectedByte), ("+1", .unexpectedByte), (".5", .unexpectedByte),
    ("01", .numberMalformed), ("-", .numberMalformed), ("1.", .numberMalformed),
    ("1e", .numberMalformed), ("1e+", .numberMalformed), ("-01", .numberMalformed),
    ("0x10", .trailingBytes), ("\"a", .endsEarly), ("\"\\", .endsEarly),
    ("\"\\x\"", .escapeMalformed), ("\"\\u12\"", .escapeMalformed), ("\"\\u12", .endsEarly),
    ("\"\\u+123\"", .escapeMalformed), ("\"\\ud800\"", .surrogateAlone),
    ("\"\\ud800\\n\"", .surrogateAlone), ("\"\\ud800\\u0041\"", .surrogateAlone),
    ("\"\\udc00\"", .surrogateAlone), ("\"\\ud800\\ud800\"", .surrogateAlone),
    ("\"\\u0000\"", .nul), ("\"\u{0}\"", .controlCharacter), ("\"\n\"", .controlCharacter),
    ("\"\u{1f}\"", .controlCharacter), ("{\"a\":1,\"a\":2}", .nameTwice),
    ("{\"a\":1,\"b\":{\"a\":1,\"\\u0061\":2}}", .nameTwice), ("// a\n1", .unexpectedByte),
    ("\u{feff}1", .unexpectedByte), ("[1}", .unexpectedByte), ("{\"a\":1]", .unexpectedByte),
  ])
  func malformedTextIsRefused(text: String, expected: JSONFault.Reason) {
    #expect(reason(text) == expected)
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xE2, 0x82, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x80],
    ] as [[UInt8]])
  func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
    #expect(reason(bytes) == .notUTF8)
  }

  @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
  func millionLevelsAreRefusedAtTheBound(opening: String) {
    let text = String(repeating: opening, count: 1_000_000 / opening.utf8.count)
    #expect(reason(text) == .tooDeep)
  }

  @Test func boundsHoldExactly() {
    let limits = JSONLimits(bytesMax: 40, depthMax: 3, membersMax: 2)
    #expect(reason("[[[1]]]", limits) == nil)
    #expect(reason("[[[[1]]]]", limits) == .tooDeep)
    #expect(reason(#"{"a":1,"b":2}"#, limits) == nil)
    #expect(reason(#"{"a":1,"b":2,"c":3}"#, limits) == .membersTooMany)
    #expect(reason(String(repeating: " ", count: 39) + "1", limits) == nil)
    #expect(reason(String(repeating: " ", count: 40) + "1", limits) == .tooLarge)
  }

  @Test func everyTruncationIsRefused() {
    let text = Array(
      #"{"keys":[[1.5e3,"a\u00e9\ud83d\ude00é"],null,true,{"x":false}],"y":""}"#.utf8)
    #expect(reason(text) == nil)
    for length in 0..<text.count {
      #expect(reason(Array(text[..<length])) != nil, "of \(length) bytes")
    }
  }

  @Test(arguments: 1...20)
  func mutatedTextsNeverCrashAndAreBoundedInSize(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let seeds = [
      #"{"keys":[[1,2],["a","b"]],"x":{"y":[true,null,-1.5e-3]}}"#,
      #"["\u0041\ud83d\ude00\\\"",{"a":{"b":{"c":[[[]]]}}},1e5,""]"#,
    ]
    for _ in 0..<2_000 {
      var bytes = Array(random.pick(seeds).utf8)
      for _ in 0..<random.number(1...6) {
        let at = random.number(0...(bytes.count - 1))
        switch random.number(0...3) {
        case 0: bytes[at] = UInt8(random.number(0...255))
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(random.pick(Array(#"[]{},:"\0-eu"#.utf8)), at: at)
        default: bytes.insert(contentsOf: bytes[..<at], at: at)
        }
        if bytes.isEmpty { bytes = [0x20] }
      }
      guard let document = try? read(bytes) else { continue }
      #expect(document.nodes.count <= bytes.count && document.text.count <= bytes.count)
      walk(document.root)
    }
  }

  private func walk(_ value: JSONValue) {
    _ = value.withText { $0.count }
    if let elements = value.elements { for element in elements { walk(element) } }
    for member in value.members ?? [] { walk(member.value) }
  }
}

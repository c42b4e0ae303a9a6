import HTTPWire
import Testing

@Suite struct URITests {
  @Test(arguments: [
    ("", ""), ("abc", "abc"), ("a%20b", "a b"), ("%C3%a9", "é"), ("a+b", "a+b"), ("%25", "%"),
    ("%00", "\0"),
  ])
  func decodesEscapesOfAPath(_ encoded: String, _ decoded: String) {
    #expect(percentDecoded(encoded, .path) == decoded)
  }

  @Test func readsPlusAsASpaceInAQueryOnly() {
    #expect(percentDecoded("a+b%2B", .query) == "a b+")
    #expect(percentDecoded("a+b%2B", .path) == "a+b+")
  }

  @Test(arguments: ["%", "%1", "a%", "%g0", "%0g", "%%20", "%+1", "%C3", "%ff"])
  func findsNoTextWhereEscapesAreBroken(_ encoded: String) {
    #expect(percentDecoded(encoded, .query) == nil)
  }

  @Test func encodedTextDecodesToItself() {
    let text = String(decoding: (0..<128).map { UInt8($0) }, as: UTF8.self) + "é€😀"
    var buffer = ByteBuffer()
    var encoded = ByteBuffer()
    buffer.append(text)
    encoded.append(percentEncoding: buffer.view)
    #expect(encoded.view.percentDecoded(.query) == text)
    #expect(encoded.view.bytes.allSatisfy { 0x21...0x7E ~= $0 && $0 != 0x2B })
  }

  @Test(arguments: [
    ("", []), ("a=1", ["a=1"]), ("a=1&b=2", ["a=1", "b=2"]), ("a", ["a="]), ("=", ["="]),
    ("&&a=b=c&", ["a=b=c"]), ("a=1&a=2", ["a=1", "a=2"]),
  ])
  func splitsAQuery(_ query: String, _ pairs: [String]) {
    var buffer = ByteBuffer()
    buffer.append(query)
    var found: [String] = []
    for (name, value) in QueryFields(buffer.view) {
      found.append(name.string + "=" + value.string)
    }
    #expect(found == pairs)
  }

  @Test(arguments: [
    ("/", [""]), ("/v1/views", ["v1", "views"]), ("/v1/", ["v1", ""]), ("//a", ["", "a"]),
    ("*", []), ("", []),
  ])
  func splitsAPath(_ path: String, _ segments: [String]) {
    var buffer = ByteBuffer()
    buffer.append(path)
    #expect(Array(PathSegments(buffer.view).map(\.string)) == segments)
  }

  private func percentDecoded(_ text: String, _ coding: PercentCoding) -> String? {
    var buffer = ByteBuffer()
    buffer.append(text)
    return buffer.view.percentDecoded(coding)
  }
}

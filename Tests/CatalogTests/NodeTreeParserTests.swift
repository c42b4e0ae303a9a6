import Testing

@testable import Catalog

@Suite struct NodeTreeParserTests {
  /// One line that shows a tree's structure, its fields in alphabetical order.
  private func show(_ tree: NodeTree) -> String {
    switch tree {
    case .object(let tag, let fields):
      let shown = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(show($0.value))" }
      return "{\(tag)\(shown.joined())}"
    case .list(let elements): return "(" + elements.map(show).joined(separator: " ") + ")"
    case .token(let text): return "'\(text)'"
    case .bytes(let bytes): return "\(bytes)"
    case .null: return "null"
    }
  }

  @Test(arguments: [
    ("<>", "null"),
    ("{A}", "{A}"),
    ("{A :b 1 :c <>}", "{A b='1' c=null}"),
    ("({A :b (1 2)} {C :d {E :f true}})", "({A b=('1' '2')} {C d={E f='true'}})"),
    ("()", "()"),
    ("(i 1 -2)", "('1' '-2')"),
    ("(o 16384)", "('16384')"),
    ("(b)", "()"),
    ("(b 8 9)", "('8' '9')"),
    ("{A :b (i 1)\n\t:c  x }", "{A b=('1') c='x'}"),
  ])
  func structureIsKept(_ text: String, _ expected: String) throws {
    #expect(show(try NodeTreeParser.parse(text)) == expected)
  }

  @Test(arguments: [
    (#"{A :b ""}"#, "{A b=''}"),
    (#"{A :b a\ \(b\)\{c\}\\}"#, #"{A b='a (b){c}\'}"#),
    (#"{A :b \<>}"#, "{A b='<>'}"),
    (#"{A :b \1st}"#, "{A b='1st'}"),
    (#"{A :b größe}"#, "{A b='größe'}"),
    (#"("a" "b\ c")"#, "('a' 'b c')"),
    (#"("")"#, "('')"),
    (#"("\"x")"#, #"('"x')"#),
  ])
  func escapesAreUndone(_ text: String, _ expected: String) throws {
    #expect(show(try NodeTreeParser.parse(text)) == expected)
  }

  /// Postgres escapes a quote only at a name's start, so the last quote before a delimiter is the one that ends it.
  @Test(arguments: [
    (#"("c"" "d")"#, #"('c"' 'd')"#),
    (#"("c"d" "e")"#, #"('c"d' 'e')"#),
    (#"(""" "e")"#, #"('"' 'e')"#),
  ])
  func quotesInsideNamesAreKept(_ text: String, _ expected: String) throws {
    #expect(show(try NodeTreeParser.parse(text)) == expected)
  }

  @Test(
    arguments: [
      ("4 [ 1 0 0 0 ]", [1, 0, 0, 0]),
      ("4 [ -3 -1 -128 127 ]", [253, 255, 128, 127]),
      ("2 [ 255 128 ]", [255, 128]),
      ("0 [ ]", []),
    ] as [(String, [UInt8])])
  func constantsAreBytes(_ text: String, _ expected: [UInt8]) throws {
    let tree = try NodeTreeParser.parse("{CONST :constvalue \(text) :x 1}")
    guard case .bytes(let bytes) = tree["constvalue"] else {
      Issue.record("not bytes")
      return
    }
    #expect(bytes == expected)
    #expect(tree.int("x") == 1)
  }

  @Test func ofAFieldWithSeveralTokensTheFirstIsKept() throws {
    let tree = try NodeTreeParser.parse("{A :b 1 2 (3) :c 4}")
    #expect(show(tree) == "{A b='1' c='4'}")
  }

  @Test(arguments: [
    "", " ", ")", "}", "{", "{}", "{A", "{A :b", "{A b 1}", "(1", "(1}", "{A :b 1)", "4 [ 1",
    "4 [ x ]", "4 [ 256 ]", "4 [ -129 ]", "4 [ 99999999999999999999 ]", "\"a", "1 2", "{A} {B}",
  ])
  func otherTextIsRefused(_ text: String) {
    #expect(throws: NodeTreeParser.SyntaxError.self) { try NodeTreeParser.parse(text) }
  }

  @Test func nestingBeyondReasonIsRefused() {
    for (open, close) in [("(", ")"), ("{A :b ", "}")] {
      let deep = String(repeating: open, count: 100_000)
      #expect(throws: NodeTreeParser.SyntaxError.self) { try NodeTreeParser.parse(deep) }
      let closed = deep + "1" + String(repeating: close, count: 100_000)
      #expect(throws: NodeTreeParser.SyntaxError.self) { try NodeTreeParser.parse(closed) }
      let modest = String(repeating: open, count: 500) + "1" + String(repeating: close, count: 500)
      #expect(throws: Never.self) { try NodeTreeParser.parse(modest) }
    }
  }
}

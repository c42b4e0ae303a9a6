/// Reads the text form of a node tree.
package struct NodeTreeParser {
  package struct SyntaxError: Error, Equatable {
    /// Where in the text, in bytes.
    package let offset: Int
    package let expected: String
  }

  private let text: [UInt8]
  private var at = 0
  private var depth = 0

  /// Far beyond what Postgres's own stack check lets a definition have, and safe for ours.
  private static let depthMax = 2_000

  package static func parse(_ text: String) throws(SyntaxError) -> NodeTree {
    var parser = NodeTreeParser(text: Array(text.utf8))
    let tree = try parser.value()
    parser.skipSpace()
    guard parser.at == parser.text.count else { throw parser.error("the end") }
    return tree
  }

  private init(text: [UInt8]) { self.text = text }

  private mutating func value() throws(SyntaxError) -> NodeTree {
    skipSpace()
    guard at < text.count else { throw error("a value") }
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.depthMax else { throw error("fewer levels") }
    switch text[at] {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "("): return try list()
    case UInt8(ascii: "\""): return .token(try quoted())
    default: return try tokenOrBytes()
    }
  }

  private mutating func object() throws(SyntaxError) -> NodeTree {
    at += 1
    let tag = try token()
    var fields: [String: NodeTree] = [:]
    while true {
      skipSpace()
      guard at < text.count else { throw error("}") }
      if text[at] == UInt8(ascii: "}") { break }
      guard text[at] == UInt8(ascii: ":") else { throw error("a field") }
      at += 1
      let name = try token()
      fields[name] = try fieldValue()
    }
    at += 1
    return .object(tag: tag, fields: fields)
  }

  /// A field's value; some fields print several tokens, of which the first is kept.
  private mutating func fieldValue() throws(SyntaxError) -> NodeTree {
    let first = try value()
    while true {
      skipSpace()
      guard at < text.count else { throw error("}") }
      if text[at] == UInt8(ascii: ":") || text[at] == UInt8(ascii: "}") { return first }
      _ = try value()
    }
  }

  private mutating func list() throws(SyntaxError) -> NodeTree {
    at += 1
    skipMarker()
    var elements: [NodeTree] = []
    while true {
      skipSpace()
      guard at < text.count else { throw error(")") }
      if text[at] == UInt8(ascii: ")") { break }
      elements.append(try value())
    }
    at += 1
    return .list(elements)
  }

  /// Passes over the letter that tells a list of integers, OIDs, transaction ids or a bitmap set.
  private mutating func skipMarker() {
    guard at + 1 < text.count, "iobx".utf8.contains(text[at]) else { return }
    let next = text[at + 1]
    if next == UInt8(ascii: " ") || next == UInt8(ascii: ")") { at += 1 }
  }

  private mutating func tokenOrBytes() throws(SyntaxError) -> NodeTree {
    let start = at
    let token = try token()
    if at - start == 2, token == "<>" { return .null }
    let end = at
    skipSpace()
    if at < text.count, text[at] == UInt8(ascii: "[") { return .bytes(try bytes()) }
    at = end
    return .token(token)
  }

  private mutating func bytes() throws(SyntaxError) -> [UInt8] {
    at += 1
    var bytes: [UInt8] = []
    while true {
      skipSpace()
      guard at < text.count else { throw error("]") }
      if text[at] == UInt8(ascii: "]") { break }
      // Printed as signed or unsigned chars, by platform.
      guard let number = Int(try token()), (-128...255).contains(number) else {
        throw error("a byte")
      }
      bytes.append(UInt8(truncatingIfNeeded: number))
    }
    at += 1
    return bytes
  }

  /// A string in quotes, which ends with the token: quotes inside it are not escaped (`_outString`).
  private mutating func quoted() throws(SyntaxError) -> String {
    let bytes = try tokenBytes()
    guard bytes.count >= 2, bytes.last == UInt8(ascii: "\"") else { throw error("\"") }
    return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
  }

  private mutating func token() throws(SyntaxError) -> String {
    String(decoding: try tokenBytes(), as: UTF8.self)
  }

  private mutating func tokenBytes() throws(SyntaxError) -> [UInt8] {
    skipSpace()
    var bytes: [UInt8] = []
    while at < text.count, !Self.delimiters.contains(text[at]) {
      if text[at] == UInt8(ascii: "\\"), at + 1 < text.count { at += 1 }
      bytes.append(text[at])
      at += 1
    }
    guard !bytes.isEmpty else { throw error("a token") }
    return bytes
  }

  private mutating func skipSpace() {
    while at < text.count, text[at] == 32 || text[at] == 10 || text[at] == 9 { at += 1 }
  }

  private func error(_ expected: String) -> SyntaxError {
    SyntaxError(offset: at, expected: expected)
  }

  private static let delimiters: Set<UInt8> = Set(" \n\t(){}".utf8)
}

/// A cursor over the text of a filter, order or selection.
struct QueryScanner {
  private let bytes: [UInt8]
  private(set) var index = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { index == bytes.count }

  mutating func scan(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  mutating func skip(_ count: Int) { index += count }

  mutating func skipSpaces() {
    while scan(" ") {}
  }

  /// Whether `kind` and a parenthesis are next.
  func startsGroup(_ kind: String) -> Bool {
    let rest = bytes[index...]
    return rest.starts(with: kind.utf8) && rest.dropFirst(kind.utf8.count).first == 0x28
  }

  /// Reads a column's name up to a dot, or quoted.
  mutating func scanName() throws(QueryFault) -> String {
    if let quoted = try scanQuoted() { return quoted }
    let name = scan(until: [".", ",", "(", ")", "\""])
    guard !name.isEmpty else { throw .columnMissing }
    return name
  }

  /// Reads all there is as a column's name, which may be quoted.
  mutating func scanWholeName() throws(QueryFault) -> String {
    let name = try scanQuoted() ?? scanRest()
    guard !name.isEmpty else { throw .columnMissing }
    guard isAtEnd else { throw .expected("the end of the name", offset: index) }
    return name
  }

  /// Reads a name in a selection, up to a comma or colon, or quoted.
  mutating func scanMemberName() throws(QueryFault) -> String {
    if let quoted = try scanQuoted() { return quoted }
    let name = scan(until: [",", ":", "\""])
    guard !name.isEmpty else { throw .columnMissing }
    return name
  }

  /// Reads up to a dot or comma.
  mutating func scanWord() -> String { scan(until: [".", ","]) }

  /// Reads an operator's name and the dot behind it.
  mutating func scanOperator() throws(QueryFault) -> String {
    let name = scan(until: [".", ",", "(", ")"])
    guard scan(".") else { throw .operatorMissing }
    return name
  }

  /// Reads a value of a list or group: quoted, or up to a comma or closing parenthesis.
  mutating func scanValue() throws(QueryFault) -> String {
    guard let quoted = try scanQuoted() else { return scan(until: [",", ")"]) }
    guard index < bytes.count, bytes[index] == 0x2C || bytes[index] == 0x29 else {
      throw .expected("\",\" or \")\"", offset: index)
    }
    return quoted
  }

  mutating func scanRest() -> String {
    defer { index = bytes.count }
    return String(decoding: bytes[index...], as: UTF8.self)
  }

  private mutating func scan(until stops: [Unicode.Scalar]) -> String {
    let start = index
    while index < bytes.count, !stops.contains(where: { bytes[index] == UInt8(ascii: $0) }) {
      index += 1
    }
    return String(decoding: bytes[start..<index], as: UTF8.self)
  }

  /// Reads `"..."`, in which a backslash takes the next character literally; nil if there is no quote.
  private mutating func scanQuoted() throws(QueryFault) -> String? {
    guard scan("\"") else { return nil }
    var text: [UInt8] = []
    while index < bytes.count {
      if scan("\"") { return String(decoding: text, as: UTF8.self) }
      if scan("\\"), isAtEnd { break }
      text.append(bytes[index])
      index += 1
    }
    throw .expected("a closing quote", offset: index)
  }
}

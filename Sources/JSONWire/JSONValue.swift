/// One value of a ``JSONDocument``.
package struct JSONValue: Sendable {
  package enum Kind: Hashable, Sendable {
    case null
    case bool(Bool)
    case number, string, array, object
  }

  let document: JSONDocument
  let index: Int

  private var node: JSONDocument.Node { document.nodes[index] }

  package var kind: Kind {
    switch node.kind {
    case .null: .null
    case .no: .bool(false)
    case .yes: .bool(true)
    case .number: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  /// Calls `body` with the characters of a string, or of a number as it was written; none for other values.
  package func withText<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let node = node
    let isText = node.kind == .string || node.kind == .number
    let range = Int(node.start)..<Int(node.start) + (isText ? Int(node.count) : 0)
    return document.text.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// A string's text; nil for other values.
  package var string: String? {
    kind == .string ? withText { String(decoding: $0, as: UTF8.self) } : nil
  }

  /// A number as it was written; nil for other values.
  package var number: String? {
    kind == .number ? withText { String(decoding: $0, as: UTF8.self) } : nil
  }

  /// Of a number without a fraction, however it is written: `7`, `7.0`, `70e-1`; nil for others and beyond 2^53 with one.
  package var wholeNumber: Int64? {
    guard let text = number else { return nil }
    if let whole = Int64(text) { return whole }
    guard let value = Double(text), value == value.rounded(), abs(value) <= 9_007_199_254_740_992
    else { return nil }
    return Int64(value)
  }

  /// How many elements an array or members an object has; 0 for other values.
  package var count: Int {
    switch node.kind {
    case .array, .object: Int(node.count)
    case .null, .no, .yes, .number, .string: 0
    }
  }

  /// An array's elements, or nil for other values.
  package var elements: JSONElements? {
    kind == .array ? JSONElements(document: document, index: index + 1, end: Int(node.end)) : nil
  }

  /// An object's members in the order of the text, or nil for other values.
  package var members: [(name: String, value: JSONValue)]? {
    guard kind == .object else { return nil }
    var members: [(name: String, value: JSONValue)] = []
    var at = index + 1
    while at < Int(node.end) {
      let name = JSONValue(document: document, index: at).string ?? ""
      members.append((name, JSONValue(document: document, index: at + 1)))
      at = Int(document.nodes[at + 1].end)
    }
    return members
  }

  /// An object's member; nil where there is none.
  package subscript(name: String) -> JSONValue? {
    members?.first { $0.name == name }?.value
  }
}

/// The elements of an array, one after the other.
package struct JSONElements: Sequence, IteratorProtocol {
  let document: JSONDocument
  var index: Int
  let end: Int

  package mutating func next() -> JSONValue? {
    guard index < end else { return nil }
    defer { index = Int(document.nodes[index].end) }
    return JSONValue(document: document, index: index)
  }
}

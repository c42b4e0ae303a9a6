/// Reads one JSON text, whose bytes are valid UTF-8, into the nodes of a ``JSONDocument``.
struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private let limits: JSONLimits
  private var index = 0
  private(set) var nodes: [JSONDocument.Node] = []
  private(set) var text: [UInt8] = []

  init(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
    text.reserveCapacity(bytes.count)
  }

  mutating func parse() throws(JSONFault) {
    skipSpace()
    try value(depth: 1)
    skipSpace()
    guard index == bytes.count else { throw fault(.trailingBytes) }
  }

  // MARK: Values

  private mutating func value(depth: Int) throws(JSONFault) {
    switch try peek() {
    case UInt8(ascii: "{"): try object(depth: depth)
    case UInt8(ascii: "["): try array(depth: depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "t"): try word("true", .yes)
    case UInt8(ascii: "f"): try word("false", .no)
    case UInt8(ascii: "n"): try word("null", .null)
    default: throw fault(.unexpectedByte)
    }
  }

  private mutating func word(_ word: StaticString, _ kind: JSONDocument.Node.Kind)
    throws(JSONFault)
  {
    for offset in 0..<word.utf8CodeUnitCount {
      guard try peek() == word.utf8Start[offset] else { throw fault(.unexpectedByte) }
      index += 1
    }
    append(JSONDocument.Node(kind: kind))
  }

  private mutating func array(depth: Int) throws(JSONFault) {
    let node = try open(.array, depth)
    skipSpace()
    if try !take("]") {
      repeat {
        skipSpace()
        try value(depth: depth + 1)
        nodes[node].count += 1
        skipSpace()
      } while try take(",")
      guard try take("]") else { throw fault(.unexpectedByte) }
    }
    nodes[node].end = UInt32(nodes.count)
  }

  private mutating func object(depth: Int) throws(JSONFault) {
    let node = try open(.object, depth)
    skipSpace()
    if try !take("}") {
      repeat {
        try member(of: node, depth: depth)
      } while try take(",")
      guard try take("}") else { throw fault(.unexpectedByte) }
    }
    nodes[node].end = UInt32(nodes.count)
  }

  private mutating func member(of node: Int, depth: Int) throws(JSONFault) {
    guard nodes[node].count < limits.membersMax else { throw fault(.membersTooMany) }
    skipSpace()
    guard try peek() == UInt8(ascii: "\"") else { throw fault(.unexpectedByte) }
    let start = index
    try string()
    guard !isNameTwice(in: node) else { throw JSONFault(reason: .nameTwice, offset: start) }
    skipSpace()
    guard try take(":") else { throw fault(.unexpectedByte) }
    skipSpace()
    try value(depth: depth + 1)
    nodes[node].count += 1
    skipSpace()
  }

  /// Whether the name read last is one of the object's already.
  private func isNameTwice(in object: Int) -> Bool {
    let name = text(of: nodes.count - 1)
    var at = object + 1
    while at < nodes.count - 1 {
      if text(of: at).elementsEqual(name) { return true }
      at = Int(nodes[at + 1].end)
    }
    return false
  }

  private func text(of node: Int) -> ArraySlice<UInt8> {
    let start = Int(nodes[node].start)
    return text[start..<start + Int(nodes[node].count)]
  }

  private mutating func open(_ kind: JSONDocument.Node.Kind, _ depth: Int) throws(JSONFault) -> Int
  {
    guard depth <= limits.depthMax else { throw fault(.tooDeep) }
    index += 1
    append(JSONDocument.Node(kind: kind))
    return nodes.count - 1
  }

  private mutating func append(_ node: JSONDocument.Node) {
    var node = node
    node.end = UInt32(nodes.count + 1)
    nodes.append(node)
  }

  // MARK: Numbers

  /// `-`, digits without a zero in front, then perhaps a fraction and an exponent.
  private mutating func number() throws(JSONFault) {
    let start = index
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    let whole = digits()
    guard whole > 0, whole == 1 || bytes[index - whole] != UInt8(ascii: "0") else {
      throw JSONFault(reason: .numberMalformed, offset: start)
    }
    if has(".") {
      index += 1
      guard digits() > 0 else { throw JSONFault(reason: .numberMalformed, offset: start) }
    }
    if has("e") || has("E") {
      index += 1
      if has("+") || has("-") { index += 1 }
      guard digits() > 0 else { throw JSONFault(reason: .numberMalformed, offset: start) }
    }
    var node = JSONDocument.Node(kind: .number)
    node.start = UInt32(text.count)
    node.count = UInt32(index - start)
    text += bytes[start..<index]
    append(node)
  }

  private mutating func digits() -> Int {
    let start = index
    while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
    return index - start
  }

  // MARK: Strings

  private mutating func string() throws(JSONFault) {
    index += 1
    var node = JSONDocument.Node(kind: .string)
    node.start = UInt32(text.count)
    var copied = index
    while true {
      let byte = try peek()
      guard byte >= 0x20 else { throw fault(.controlCharacter) }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        text += bytes[copied..<index]
        index += 1
        if byte == UInt8(ascii: "\"") { break }
        try escape()
        copied = index
      } else {
        index += 1
      }
    }
    node.count = UInt32(text.count) - node.start
    append(node)
  }

  /// What stands behind a backslash.
  private mutating func escape() throws(JSONFault) {
    let start = index - 1
    let letter = try peek()
    index += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): try unicodeEscape(from: start)
    default: throw JSONFault(reason: .escapeMalformed, offset: start)
    }
  }

  /// `\u20AC`, or a pair of surrogates.
  private mutating func unicodeEscape(from start: Int) throws(JSONFault) {
    var code = try hexDigits(from: start)
    guard code != 0 else { throw JSONFault(reason: .nul, offset: start) }
    if (0xD800...0xDBFF).contains(code) {
      guard has("\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") else {
        throw JSONFault(reason: .surrogateAlone, offset: start)
      }
      index += 2
      let low = try hexDigits(from: start)
      guard (0xDC00...0xDFFF).contains(low) else {
        throw JSONFault(reason: .surrogateAlone, offset: start)
      }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw JSONFault(reason: .surrogateAlone, offset: start)
    }
    text += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
  }

  private mutating func hexDigits(from start: Int) throws(JSONFault) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch try peek() {
      case let byte where (0x30...0x39).contains(byte): digit = byte - 0x30
      case let byte where (0x61...0x66).contains(byte | 0x20): digit = (byte | 0x20) - 0x61 + 10
      default: throw JSONFault(reason: .escapeMalformed, offset: start)
      }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    return code
  }

  // MARK: Bytes

  private func peek() throws(JSONFault) -> UInt8 {
    guard index < bytes.count else { throw fault(.endsEarly) }
    return bytes[index]
  }

  private func has(_ character: Unicode.Scalar) -> Bool {
    index < bytes.count && bytes[index] == UInt8(ascii: character)
  }

  private mutating func take(_ character: Unicode.Scalar) throws(JSONFault) -> Bool {
    guard try peek() == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func skipSpace() {
    while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  private func fault(_ reason: JSONFault.Reason) -> JSONFault {
    JSONFault(reason: reason, offset: index)
  }
}

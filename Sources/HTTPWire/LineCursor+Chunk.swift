extension LineCursor {
  /// Reads one or more hexadecimal digits; a number above 32 bits is refused, with as many digits.
  mutating func hexNumber(otherwise refusal: RequestRefusal) throws(HeadStop) -> Int {
    let start = position
    var number = 0
    while let digit = ByteClass.hexValue(try next()) {
      guard position - start < 8 else { throw .refused(refusal) }
      number = number << 4 | digit
      advance()
    }
    guard position > start else { throw .refused(refusal) }
    return number
  }

  /// Passes over printable bytes, spaces and tabs.
  mutating func skipText() throws(HeadStop) {
    while true {
      let byte = try next()
      guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { return }
      advance()
    }
  }
}

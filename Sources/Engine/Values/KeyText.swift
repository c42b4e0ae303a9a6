/// Reads values from text as their types' input functions do: key columns in URLs, operands of
/// filters.
///
/// Every function answers nil where the text is malformed or out of range. White space around a
/// value is ignored.
package enum KeyText {
  package static func integer<Integer: FixedWidthInteger & SignedInteger>(
    _ text: UnsafeRawBufferPointer, _: Integer.Type
  ) -> Integer? {
    var scanner = TextScanner(trimming: text)
    let isNegative = scanner.scanSign()
    guard let first = scanner.scanDigit() else { return nil }
    var value = isNegative ? -Integer(first) : Integer(first)
    while let digit = scanner.scanDigit() {
      let (shifted, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooLargeWithDigit) = shifted.addingReportingOverflow(
        isNegative ? -Integer(digit) : Integer(digit))
      guard !tooLarge, !tooLargeWithDigit else { return nil }
      value = sum
    }
    return scanner.isAtEnd ? value : nil
  }

  /// The largest exponent that a numeric may be written with.
  ///
  /// The server takes 131071. A number of so many digits costs a third of a second to make, and
  /// these few bytes come from anyone.
  private static let numericExponentMax = 1000
  /// The most digits behind the point. Each comparison with a number of another scale would have
  /// to multiply by a power of ten as long.
  private static let numericScaleMax = 1000
  private static let numericTextBytesMax = 2100

  package static func numeric(_ text: UnsafeRawBufferPointer) -> Numeric? {
    guard text.count <= numericTextBytesMax,
      let value = Numeric(text: text, exponentMax: numericExponentMax),
      value.scale <= numericScaleMax
    else { return nil }
    return value
  }

  /// Reads a decimal float or one of the special values; hexadecimal floats are not read.
  package static func float<Value: PostgresFloat>(_ text: UnsafeRawBufferPointer, _: Value.Type)
    -> Value?
  {
    var scanner = TextScanner(trimming: text)
    switch scanner.scanSpecialNumber() {
    case .nan: return .nan
    case .infinity: return .infinity
    case .negativeInfinity: return -.infinity
    case nil: break
    }
    let spelled = scanner.rest
    guard let literal = scanner.scanDecimalLiteral(), scanner.isAtEnd else { return nil }
    guard let value = Value(String(decoding: spelled, as: UTF8.self)) else { return nil }
    // The server refuses what the type can only hold as infinity, or as a zero that it is not.
    let isUnderflow = value == 0 && literal.coefficient.signum != 0
    return value.isFinite && !isUnderflow ? value : nil
  }

  /// Reads `true yes on 1 false no off 0`, or an unambiguous beginning of a word.
  package static func bool(_ text: UnsafeRawBufferPointer) -> Bool? {
    let word = TextScanner(trimming: text).rest.map(TextScanner.lowercased)
    func begins(_ full: StaticString, atLeast countMin: Int = 1) -> Bool {
      guard word.count >= countMin, word.count <= full.utf8CodeUnitCount else { return false }
      return word.indices.allSatisfy { word[$0] == full.utf8Start[$0] }
    }
    // "o" could be either.
    if begins("true") || begins("yes") || begins("on", atLeast: 2) || begins("1") { return true }
    if begins("false") || begins("no") || begins("off", atLeast: 2) || begins("0") { return false }
    return nil
  }

  /// Reads 32 hexadecimal digits, with a hyphen allowed after every four and braces around the
  /// whole.
  package static func uuid(_ text: UnsafeRawBufferPointer) -> UInt128? {
    var scanner = TextScanner(trimming: text)
    guard scanner.rest.count == text.count else { return nil }
    let hasBraces = scanner.scan("{")
    var uuid: UInt128 = 0
    for digit in 0..<32 {
      if digit > 0, digit % 4 == 0 { _ = scanner.scan("-") }
      guard let value = scanner.scanHexDigit() else { return nil }
      uuid = uuid << 4 | UInt128(value)
    }
    if hasBraces, !scanner.scan("}") { return nil }
    return scanner.isAtEnd ? uuid : nil
  }
}

import BigInt

extension Numeric {
  /// Appends the value as `numeric_out` prints it.
  package func write(to sink: inout some ByteSink) {
    switch body {
    case .finite(let coefficient):
      if coefficient.signum < 0 { sink.append(UInt8(ascii: "-")) }
      coefficient.withDigits { writeFixed($0, to: &sink) }
    case .nan: sink.append(ascii: "NaN")
    case .positiveInfinity: sink.append(ascii: "Infinity")
    case .negativeInfinity: sink.append(ascii: "-Infinity")
    }
  }

  /// Reads what the input function of `numeric` accepts in every supported version; nil for all
  /// else.
  ///
  /// The hexadecimal, octal, binary and underscored forms that version 16 added are not read.
  package init?(_ text: String) {
    var text = text
    guard let value = text.withUTF8({ Numeric(text: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = value
  }

  /// As `init(_:)`, from ASCII bytes; an exponent above `exponentMax` is refused.
  package init?(text: UnsafeRawBufferPointer, exponentMax: Int = leadingExponentMax) {
    var scanner = TextScanner(trimming: text)
    if let special = scanner.scanSpecialNumber() {
      self.init(special)
    } else {
      guard let literal = scanner.scanDecimalLiteral(), scanner.isAtEnd else { return nil }
      guard literal.exponent <= exponentMax else { return nil }
      self.init(literal)
    }
  }

  private init(_ special: SpecialNumber) {
    switch special {
    case .nan: self = .nan
    case .infinity: self = .infinity
    case .negativeInfinity: self = .negativeInfinity
    }
  }

  private init?(_ literal: DecimalLiteral) {
    let scale = literal.fractionDigits - literal.exponent
    guard scale <= Self.scaleMax else { return nil }
    let value = try? Numeric(
      checked: literal.coefficient.timesPowerOfTen(-scale), scale: max(scale, 0))
    guard let value else { return nil }
    self = value
  }

  private func writeFixed(_ digits: UnsafeRawBufferPointer, to sink: inout some ByteSink) {
    let whole = digits.count - scale
    if whole > 0 {
      sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[..<whole]))
    } else {
      sink.append(UInt8(ascii: "0"))
    }
    guard scale > 0 else { return }
    sink.append(UInt8(ascii: "."))
    sink.append(zeros: -whole)
    sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[max(whole, 0)...]))
  }
}

extension Numeric: CustomStringConvertible {
  package var description: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension WideInteger {
  /// Calls `body` with the decimal digits of the magnitude.
  func withDigits<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    switch self {
    case .packed(let value): return DecimalDigits(value.int128.magnitude).withBytes(body)
    case .big(let value):
      var digits = String(value.magnitude)
      return digits.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
  }
}

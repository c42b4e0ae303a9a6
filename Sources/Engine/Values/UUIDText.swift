/// Text of `uuid`, whose 16 bytes are one big-endian number.
enum UUIDText {
  /// Appends the canonical form, in lower case.
  static func write(_ uuid: UInt128, to sink: inout some ByteSink) {
    for digit in 0..<32 {
      if digit == 8 || digit == 12 || digit == 16 || digit == 20 { sink.append(UInt8(ascii: "-")) }
      sink.append(hexDigit(UInt8(truncatingIfNeeded: uuid >> UInt128(124 - 4 * digit))))
    }
  }

  /// The digit of the low four bits.
  static func hexDigit(_ nibble: UInt8) -> UInt8 {
    let value = nibble & 0x0f
    return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

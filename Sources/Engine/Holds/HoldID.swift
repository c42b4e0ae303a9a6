/// A uuid: of a hold, or of the process that took it.
///
/// Two words and not one of 128 bits, which may not stand in an enum's payload.
package struct HoldID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new one, of version 4 (RFC 9562 5.4).
  package init(from random: inout some RandomNumberGenerator) {
    high = (random.next() & ~0xF000) | 0x4000
    low = (random.next() & ~(3 << 62)) | 1 << 63
  }

  /// Reads the form that Postgres writes, in either case; nil for anything else.
  package init?(_ text: some StringProtocol) {
    var words: (UInt64, UInt64) = (0, 0)
    var place = 0
    for byte in text.utf8 {
      if Self.hyphens.contains(place) {
        guard byte == UInt8(ascii: "-") else { return nil }
      } else {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
        words = (words.0 << 4 | words.1 >> 60, words.1 << 4 | UInt64(digit))
      }
      place += 1
      guard place <= Self.textBytes else { return nil }
    }
    guard place == Self.textBytes else { return nil }
    self.init(high: words.0, low: words.1)
  }

  /// Reads the 16 bytes of `uuid_send`; nil for another number of them.
  package init?(wire bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 16 else { return nil }
    high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
    low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  package static func < (a: HoldID, b: HoldID) -> Bool { (a.high, a.low) < (b.high, b.low) }

  package var description: String {
    let digits = Self.digits(high) + Self.digits(low)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text += "-" }
      text.append(digit)
    }
    return text
  }

  private static func digits(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static let textBytes = 36
  private static let hyphens = [8, 13, 18, 23]
}

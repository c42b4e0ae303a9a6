/// Which letters have two cases, as a collation says.
package enum LetterCase: Hashable, Sendable, BitwiseCopyable {
  /// `A` to `Z` only, as under "C".
  case ascii
  /// All that Unicode has, one letter for one: what `towlower` of a UTF-8 locale does. Locales that differ (Turkish)
  /// and mappings that depend on what is around (a final sigma under ICU) are not followed.
  case unicode

  func lowercased(_ text: UnsafeRawBufferPointer) -> [UInt8] {
    var result: [UInt8] = []
    lowercase(text, into: &result)
    return result
  }

  /// Appends `text`, which is UTF-8, in lower case.
  func lowercase(_ text: UnsafeRawBufferPointer, into sink: inout [UInt8]) {
    sink.reserveCapacity(sink.count + text.count)
    let isASCII = text.allSatisfy { $0 < 0x80 }
    guard self == .unicode, !isASCII else {
      for byte in text { sink.append(TextScanner.lowercased(byte)) }
      return
    }
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      sink.append(
        contentsOf: UTF8.encode(Self.lowercased(scalar)) ?? UTF8.encodedReplacementCharacter)
    }
  }

  private static func lowercased(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    // The one letter whose full mapping has two scalars; the simple one is an i (UnicodeData.txt).
    if scalar == "\u{130}" { return "i" }
    return scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
  }
}

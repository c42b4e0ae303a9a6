/// Where percent-encoded text comes from, which decides what `+` stands for.
package enum PercentCoding: Sendable {
  case path
  /// `+` is a space, as HTML forms send it (URL Standard, 5.1).
  case query
}

/// Bytes that claim to be percent-encoded and are not.
package enum PercentCodingError: Error, Sendable {
  /// A `%` without two hexadecimal digits behind it.
  case escapeIncomplete(offset: Int)
}

extension ByteBuffer {
  /// Appends what `encoded` stands for (RFC 3986 2.1). After an error, what came before it has been
  /// appended.
  package mutating func append(
    percentDecoding encoded: ByteView, _ coding: PercentCoding
  ) throws(PercentCodingError) {
    reserve(encoded.count)
    var index = 0
    while index < encoded.count {
      switch encoded[index] {
      case UInt8(ascii: "%"):
        guard let byte = encoded.escapedByte(at: index) else {
          throw .escapeIncomplete(offset: index)
        }
        append(byte)
        index += 3
      case UInt8(ascii: "+") where coding == .query:
        append(0x20)
        index += 1
      case let byte:
        append(byte)
        index += 1
      }
    }
  }

  /// Appends `text` so that it can stand in any place of a URI: all but RFC 3986's unreserved
  /// characters escaped.
  package mutating func append(percentEncoding text: ByteView) {
    for byte in text.bytes {
      if ByteClass.isUnreserved(byte) {
        append(byte)
      } else {
        append(UInt8(ascii: "%"))
        append(ByteClass.hexDigit(byte >> 4))
        append(ByteClass.hexDigit(byte & 15))
      }
    }
  }
}

extension ByteView {
  /// What these bytes stand for as text, or nil when they are not percent-encoded UTF-8.
  package func percentDecoded(_ coding: PercentCoding) -> String? {
    var decoded = ByteBuffer()
    do {
      try decoded.append(percentDecoding: self, coding)
    } catch {
      return nil
    }
    return String(validating: decoded.bytes, as: UTF8.self)
  }

  fileprivate func escapedByte(at index: Int) -> UInt8? {
    guard index + 2 < count, let high = ByteClass.hexValue(self[index + 1]),
      let low = ByteClass.hexValue(self[index + 2])
    else { return nil }
    return UInt8(high << 4 | low)
  }
}

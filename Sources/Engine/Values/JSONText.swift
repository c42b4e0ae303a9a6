/// Writes values as `to_json` does, one function for each kind of column type.
///
/// `json` and `jsonb` need none: their text is JSON already.
package enum JSONText {
  package static func writeNull(to sink: inout some ByteSink) {
    sink.append(ascii: "null")
  }

  package static func write(_ value: Bool, to sink: inout some ByteSink) {
    sink.append(ascii: value ? "true" : "false")
  }

  package static func write(_ value: some FixedWidthInteger, to sink: inout some ByteSink) {
    sink.append(decimal: value)
  }

  /// NaN and the infinities are strings.
  package static func write(_ value: some PostgresFloat, to sink: inout some ByteSink) {
    quote(unless: value.isFinite, to: &sink) { FloatText.write(value, to: &$0) }
  }

  /// NaN and the infinities are strings.
  package static func write(_ value: Numeric, to sink: inout some ByteSink) {
    quote(unless: value.isFinite, to: &sink) { value.write(to: &$0) }
  }

  /// Appends a uuid, given as one big-endian number.
  package static func write(uuid: UInt128, to sink: inout some ByteSink) {
    quote(to: &sink) { UUIDText.write(uuid, to: &$0) }
  }

  /// Appends days since 2000-01-01.
  package static func write(date: Int32, to sink: inout some ByteSink) {
    quote(to: &sink) { DateTimeText.write(date: date, to: &$0) }
  }

  /// Appends microseconds since 2000-01-01.
  package static func write(timestamp: Int64, to sink: inout some ByteSink) {
    quote(to: &sink) { DateTimeText.write(timestamp: timestamp, .json, withZone: false, to: &$0) }
  }

  /// Appends microseconds since 2000-01-01 UTC.
  package static func write(timestamptz: Int64, to sink: inout some ByteSink) {
    quote(to: &sink) { DateTimeText.write(timestamp: timestamptz, .json, withZone: true, to: &$0) }
  }

  /// Appends UTF-8 text as a string, escaped as `escape_json` does: quote, backslash and control
  /// characters only.
  package static func write(text: UnsafeRawBufferPointer, to sink: inout some ByteSink) {
    sink.append(UInt8(ascii: "\""))
    var copied = 0
    for (index, byte) in text.enumerated() where needsEscape(byte) {
      sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[copied..<index]))
      writeEscape(byte, to: &sink)
      copied = index + 1
    }
    sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[copied...]))
    sink.append(UInt8(ascii: "\""))
  }

  package static func write(text: String, to sink: inout some ByteSink) {
    var text = text
    text.withUTF8 { write(text: UnsafeRawBufferPointer($0), to: &sink) }
  }

  @inline(__always)
  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func writeEscape(_ byte: UInt8, to sink: inout some ByteSink) {
    sink.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): sink.append(byte)
    case 0x08: sink.append(UInt8(ascii: "b"))
    case 0x09: sink.append(UInt8(ascii: "t"))
    case 0x0a: sink.append(UInt8(ascii: "n"))
    case 0x0c: sink.append(UInt8(ascii: "f"))
    case 0x0d: sink.append(UInt8(ascii: "r"))
    default:
      sink.append(ascii: "u00")
      sink.append(UUIDText.hexDigit(byte >> 4))
      sink.append(UUIDText.hexDigit(byte))
    }
  }

  private static func quote<Sink: ByteSink>(
    unless isBare: Bool = false, to sink: inout Sink, _ body: (inout Sink) -> Void
  ) {
    if !isBare { sink.append(UInt8(ascii: "\"")) }
    body(&sink)
    if !isBare { sink.append(UInt8(ascii: "\"")) }
  }
}

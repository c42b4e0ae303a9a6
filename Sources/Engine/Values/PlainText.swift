/// Writes values as their types' output functions do, which is also what `COPY` writes before it
/// escapes.
///
/// The session settings are those of every connection Onhand opens: `DateStyle=ISO`,
/// `TimeZone=UTC`, `extra_float_digits=1`.
package enum PlainText {
  /// `t` or `f`, as a result row and `COPY` show it.
  package static func write(_ value: Bool, to sink: inout some ByteSink) {
    sink.append(UInt8(ascii: value ? "t" : "f"))
  }

  /// `true` or `false`, as `::text` shows it.
  package static func write(cast value: Bool, to sink: inout some ByteSink) {
    sink.append(ascii: value ? "true" : "false")
  }

  package static func write(_ value: some FixedWidthInteger, to sink: inout some ByteSink) {
    sink.append(decimal: value)
  }

  package static func write(_ value: some PostgresFloat, to sink: inout some ByteSink) {
    FloatText.write(value, to: &sink)
  }

  package static func write(_ value: Numeric, to sink: inout some ByteSink) {
    value.write(to: &sink)
  }

  /// Appends a uuid, given as one big-endian number.
  package static func write(uuid: UInt128, to sink: inout some ByteSink) {
    UUIDText.write(uuid, to: &sink)
  }

  /// Appends days since 2000-01-01.
  package static func write(date: Int32, to sink: inout some ByteSink) {
    DateTimeText.write(date: date, to: &sink)
  }

  /// Appends microseconds since 2000-01-01.
  package static func write(timestamp: Int64, to sink: inout some ByteSink) {
    DateTimeText.write(timestamp: timestamp, .iso, withZone: false, to: &sink)
  }

  /// Appends microseconds since 2000-01-01 UTC.
  package static func write(timestamptz: Int64, to sink: inout some ByteSink) {
    DateTimeText.write(timestamp: timestamptz, .iso, withZone: true, to: &sink)
  }
}

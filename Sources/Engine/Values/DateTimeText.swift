/// How dates and times are spelled.
enum DateTimeStyle {
  /// `DateStyle=ISO`: `2026-03-30 15:00:00+00`.
  case iso
  /// What `to_json` writes: `2026-03-30T15:00:00+00:00`.
  case json
}

/// Text of `date`, `timestamp` and `timestamptz`, the last under `TimeZone=UTC`.
///
/// A date is the days and a timestamp the microseconds since 2000-01-01; the extreme integers are
/// the infinities.
enum DateTimeText {
  static let microsecondsPerSecond = 1_000_000
  static let microsecondsPerDay = 86_400 * microsecondsPerSecond

  static func write(date: Int32, to sink: inout some ByteSink) {
    guard !writeInfinity(date, to: &sink) else { return }
    let day = CalendarDate(daysSince2000: Int(date))
    write(day, to: &sink)
    writeEra(of: day, to: &sink)
  }

  static func write(
    timestamp: Int64, _ style: DateTimeStyle, withZone: Bool, to sink: inout some ByteSink
  ) {
    guard !writeInfinity(timestamp, to: &sink) else { return }
    let (days, timeOfDay) = CalendarDate.divideDown(Int(timestamp), by: microsecondsPerDay)
    let day = CalendarDate(daysSince2000: days)
    write(day, to: &sink)
    sink.append(UInt8(ascii: style == .iso ? " " : "T"))
    write(timeOfDay: timeOfDay, to: &sink)
    if withZone {
      sink.append(ascii: "+00")
      if style == .json { sink.append(ascii: ":00") }
    }
    writeEra(of: day, to: &sink)
  }

  private static func writeInfinity<Count: FixedWidthInteger>(
    _ count: Count, to sink: inout some ByteSink
  ) -> Bool {
    guard count == .max || count == .min else { return false }
    sink.append(ascii: count == .max ? "infinity" : "-infinity")
    return true
  }

  private static func write(_ day: CalendarDate, to sink: inout some ByteSink) {
    sink.append(decimal: day.year > 0 ? day.year : 1 - day.year, width: 4)
    sink.append(UInt8(ascii: "-"))
    sink.append(decimal: day.month, width: 2)
    sink.append(UInt8(ascii: "-"))
    sink.append(decimal: day.day, width: 2)
  }

  private static func writeEra(of day: CalendarDate, to sink: inout some ByteSink) {
    if day.year <= 0 { sink.append(ascii: " BC") }
  }

  private static func write(timeOfDay microseconds: Int, to sink: inout some ByteSink) {
    let seconds = microseconds / microsecondsPerSecond
    sink.append(decimal: seconds / 3600, width: 2)
    sink.append(UInt8(ascii: ":"))
    sink.append(decimal: seconds / 60 % 60, width: 2)
    sink.append(UInt8(ascii: ":"))
    sink.append(decimal: seconds % 60, width: 2)
    var fraction = microseconds % microsecondsPerSecond
    guard fraction > 0 else { return }
    var width = 6
    while fraction % 10 == 0 {
      fraction /= 10
      width -= 1
    }
    sink.append(UInt8(ascii: "."))
    sink.append(decimal: fraction, width: width)
  }
}

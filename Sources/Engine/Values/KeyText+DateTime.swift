/// Dates and times are read in ISO form: `2026-03-30`, then for timestamps `T` or spaces,
/// `15:00[:00[.123456]]`, then an offset `Z`, `+hh`, `+hh:mm`; last an optional ` BC`. `infinity`
/// and `-infinity` are read too.
extension KeyText {
  /// Days since 2000-01-01.
  package static func date(_ text: UnsafeRawBufferPointer) -> Int32? {
    var scanner = TextScanner(trimming: text)
    if let infinity: Int32 = scanner.scanInfinity() { return infinity }
    guard let written = scanner.scanDate(), let day = scanner.scanEra(of: written), scanner.isAtEnd
    else { return nil }
    let days = day.daysSince2000
    return days >= DateTimeRange.firstDay && days <= DateTimeRange.lastDay ? Int32(days) : nil
  }

  /// Microseconds since 2000-01-01. An offset is read and ignored, as the server does.
  package static func timestamp(_ text: UnsafeRawBufferPointer) -> Int64? {
    instant(text) { local, _ in local }
  }

  /// Microseconds since 2000-01-01 UTC. Without an offset the time is UTC.
  package static func timestamptz(_ text: UnsafeRawBufferPointer) -> Int64? {
    instant(text) { local, offset in local - offset }
  }

  private static func instant(
    _ text: UnsafeRawBufferPointer, _ resolve: (_ local: Int, _ offset: Int) -> Int
  ) -> Int64? {
    var scanner = TextScanner(trimming: text)
    if let infinity: Int64 = scanner.scanInfinity() { return infinity }
    guard let written = scanner.scanDate(), let timeOfDay = scanner.scanOptionalTime() else {
      return nil
    }
    guard let offset = scanner.scanOffset(), let day = scanner.scanEra(of: written), scanner.isAtEnd
    else { return nil }
    let days = day.daysSince2000
    guard days >= DateTimeRange.firstDay, days <= DateTimeRange.lastTimestampDay + 1 else {
      return nil
    }
    let instant = resolve(days * DateTimeText.microsecondsPerDay + timeOfDay, offset)
    let range = DateTimeRange.timestamps
    return range.contains(instant) ? Int64(instant) : nil
  }
}

/// What dates and timestamps can hold ("Date/Time Types" in the manual).
private enum DateTimeRange {
  /// 4714-11-24 BC, the first Julian day.
  static let firstDay = -2_451_545
  /// 5874897-12-31.
  static let lastDay = 2_145_031_948
  /// 294276-12-31.
  static let lastTimestampDay = 106_751_982

  static let timestamps =
    firstDay * DateTimeText.microsecondsPerDay..<(lastTimestampDay + 1)
    * DateTimeText.microsecondsPerDay
}

extension TextScanner {
  fileprivate mutating func scanInfinity<Count: FixedWidthInteger>() -> Count? {
    let start = self
    let isNegative = scanSign()
    if scan(word: "infinity"), isAtEnd { return isNegative ? .min : .max }
    self = start
    return nil
  }

  /// Reads `yyyy-mm-dd`; the year may have up to seven digits.
  fileprivate mutating func scanDate() -> (year: Int, month: Int, day: Int)? {
    guard let year = scanNumber(digits: 4...7), scan("-"), let month = scanNumber(digits: 1...2),
      scan("-"),
      let day = scanNumber(digits: 1...2)
    else { return nil }
    return (year, month, day)
  }

  /// Reads ` BC` if it stands there and makes a day of what was read before; nil where the calendar
  /// has none.
  fileprivate mutating func scanEra(of written: (year: Int, month: Int, day: Int)) -> CalendarDate?
  {
    guard written.year > 0 else { return nil }
    let isBC = scan(word: " bc")
    return CalendarDate(
      year: isBC ? 1 - written.year : written.year, month: written.month, day: written.day)
  }

  /// Reads a separator and a time of day, in microseconds; 0 at the end of the text or before an
  /// era.
  fileprivate mutating func scanOptionalTime() -> Int? {
    let start = self
    guard scan("T") || scan("t") || scan(" ") else { return isAtEnd ? 0 : nil }
    guard let hours = scanNumber(digits: 1...2) else {
      self = start
      return 0
    }
    guard scan(":"), let minutes = scanNumber(digits: 2...2), minutes < 60 else { return nil }
    let hasSeconds = scan(":")
    guard let seconds = hasSeconds ? scanNumber(digits: 2...2) : 0, seconds <= 60 else {
      return nil
    }
    guard let fraction = hasSeconds && scan(".") ? scanFraction() : 0 else { return nil }
    let time =
      ((hours * 60 + minutes) * 60 + seconds) * DateTimeText.microsecondsPerSecond + fraction
    return hours < 24 || time == DateTimeText.microsecondsPerDay ? time : nil
  }

  /// Reads the digits after the point of a second as microseconds.
  ///
  /// Rounded as `ParseFractionalSecond` does, by way of a double: a half that no double holds goes where the double lies.
  private mutating func scanFraction() -> Int? {
    guard peeked.map({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) ?? true else {
      return nil
    }
    var digits = "0."
    while let digit = scanDigit() { digits.append("\(digit)") }
    // Without a digit "0." is no number to Swift, but a zero to the server.
    let seconds = Double(digits + "0") ?? 0
    return Int((seconds * 1_000_000).rounded(.toNearestOrEven))
  }

  /// Reads an offset from UTC in microseconds; 0 where there is none.
  fileprivate mutating func scanOffset() -> Int? {
    if scan("Z") || scan("z") { return 0 }
    guard peeked == UInt8(ascii: "+") || peeked == UInt8(ascii: "-") else { return 0 }
    let isNegative = scanSign()
    guard let hours = scanNumber(digits: 1...2), hours <= 15 else { return nil }
    guard let minutes = scan(":") ? scanNumber(digits: 2...2) : 0, minutes < 60 else { return nil }
    let offset = (hours * 60 + minutes) * 60 * DateTimeText.microsecondsPerSecond
    return isNegative ? -offset : offset
  }

  /// Reads a number that has a count of digits in `range`.
  private mutating func scanNumber(digits range: ClosedRange<Int>) -> Int? {
    var value = 0
    var count = 0
    while count < range.upperBound, let digit = scanDigit() {
      value = value * 10 + digit
      count += 1
    }
    return range.contains(count) ? value : nil
  }
}

extension ByteBuffer {
  /// Appends a moment as HTTP writes it, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
  package mutating func append(httpDate unixSeconds: Int64) {
    let seconds = Int(unixSeconds)
    let day = seconds.floorDivided(by: 86_400)
    let second = seconds - day * 86_400
    let date = CivilDate(daysSince1970: day)
    // 1970-01-01 was a Thursday.
    append(Self.weekdays[(day + 4).floorModulo(7)])
    append(decimal: date.day, digits: 2)
    append(Self.months[date.month - 1])
    append(decimal: date.year, digits: 4)
    append(UInt8(ascii: " "))
    appendTime(second)
    append(" GMT")
  }

  /// Appends a moment as RFC 3339 writes it, `1994-11-06T08:49:37.123Z`.
  package mutating func append(isoTime unixSeconds: Int64, milliseconds: Int) {
    let day = Int(unixSeconds).floorDivided(by: 86_400)
    let second = Int(unixSeconds) - day * 86_400
    let date = CivilDate(daysSince1970: day)
    append(decimal: date.year, digits: 4)
    append("-")
    append(decimal: date.month, digits: 2)
    append("-")
    append(decimal: date.day, digits: 2)
    append("T")
    appendTime(second)
    append(".")
    append(decimal: milliseconds, digits: 3)
    append("Z")
  }

  /// Appends a second of a day as `08:49:37`.
  private mutating func appendTime(_ second: Int) {
    append(decimal: second / 3_600, digits: 2)
    append(":")
    append(decimal: second / 60 % 60, digits: 2)
    append(":")
    append(decimal: second % 60, digits: 2)
  }

  private static let weekdays: [StaticString] = [
    "Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ",
  ]

  private static let months: [StaticString] = [
    " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
    " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
  ]
}

/// A day of the proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years start in
/// March, so that the leap day is the last of its year.
private struct CivilDate {
  let year: Int
  let month: Int
  let day: Int

  init(daysSince1970: Int) {
    let shifted = daysSince1970 + 719_468
    let era = shifted.floorDivided(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

extension Int {
  fileprivate func floorDivided(by divisor: Int) -> Int {
    self >= 0 ? self / divisor : (self - divisor + 1) / divisor
  }

  fileprivate func floorModulo(_ divisor: Int) -> Int {
    self - floorDivided(by: divisor) * divisor
  }
}

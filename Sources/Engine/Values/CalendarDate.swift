/// A day of the proleptic Gregorian calendar.
///
/// The year is astronomical: year 0 is 1 BC and -1 is 2 BC.
struct CalendarDate: Equatable {
  var year: Int
  var month: Int
  var day: Int

  private static let daysPer400Years = 146_097
  /// From 0000-03-01, where the computation starts its years, to 2000-01-01, where Postgres starts
  /// counting.
  private static let epochDay = 730_425

  /// The day that lies `days` after 2000-01-01.
  ///
  /// Years are counted from March, so that the leap day ends them and month lengths follow one
  /// linear rule.
  init(daysSince2000 days: Int) {
    let day = days + Self.epochDay
    let (era, dayOfEra) = Self.divideDown(day, by: Self.daysPer400Years)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    self.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// A day by its parts, or nil where the calendar has none.
  init?(year: Int, month: Int, day: Int) {
    guard month >= 1, month <= 12, day >= 1, day <= Self.daysInMonth(month, ofYear: year) else {
      return nil
    }
    self.year = year
    self.month = month
    self.day = day
  }

  var daysSince2000: Int {
    let yearFromMarch = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = Self.divideDown(yearFromMarch, by: 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * Self.daysPer400Years + dayOfEra - Self.epochDay
  }

  private static func daysInMonth(_ month: Int, ofYear year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Quotient and remainder of a division towards negative infinity; `divisor` is positive.
  static func divideDown(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

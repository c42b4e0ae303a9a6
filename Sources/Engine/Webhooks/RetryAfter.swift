/// `Retry-After` of RFC 9110 10.2.3: seconds, or a date in one of the three forms of RFC 9110 5.6.7.
package enum RetryAfter {
  /// Milliseconds to wait; nil where the text can't be read.
  ///
  /// - Parameter now: seconds since 1970.
  package static func milliseconds(_ text: String, now: Int64) -> Int64? {
    let text = trimmed(text)
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return Int64(text.prefix(10)).map { $0 * 1_000 }
    }
    return date(text).map { max(0, $0 - now) * 1_000 }
  }

  private static func trimmed(_ text: String) -> Substring {
    text.drop { $0 == " " || $0 == "\t" }
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
  private static func date(_ text: Substring) -> Int64? {
    let words = text.split { $0 == " " || $0 == "-" }
    switch words.count {
    case 6: return seconds(day: words[1], month: words[2], year: words[3], time: words[4])
    case 5: return seconds(day: words[2], month: words[1], year: words[4], time: words[3])
    default: return nil
    }
  }

  private static func seconds(day: Substring, month: Substring, year: Substring, time: Substring)
    -> Int64?
  {
    let clock = time.split(separator: ":").map { Int64($0) ?? -1 }
    guard let day = Int64(day), (1...31).contains(day), var year = Int64(year),
      (0...9_999).contains(year), let month = months.firstIndex(where: { month == $0 }),
      clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]),
      (0...60).contains(clock[2])
    else { return nil }
    if year < 100 { year += year < 70 ? 2000 : 1900 }
    return days(year, Int64(month + 1), day) * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]
  }

  /// Days since 1970-01-01 in the Gregorian calendar, years counted from March.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }
}

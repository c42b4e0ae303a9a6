import TestSupport
import Testing

@testable import Engine

/// JSON, plain text and parsing of the other types beside the real server.
@Suite(.needsPostgres) struct TextOracleTests {
  @Test func datesAndTimesPrintAsPostgresPrintsThem() throws {
    var random = SeededRandom()
    let dates = [Int32.min, .max, -2_451_545, 2_145_031_948, -730_120, -730_119, 0, -1, 59]
    let someDates =
      dates + (0..<1500).map { _ in Int32.random(in: -1_000_000...3_500_000, using: &random) }
    let edges: [Int64] = [
      .min, .max, -211_813_488_000_000_000, 9_223_371_331_199_999_999, 0, -1, 1,
    ]
    let times = edges + (0..<3000).map { _ in randomTimestamp(&random) }
    var cases: [OracleCase] = []
    for date in someDates {
      let value = "('2000-01-01'::date + \(date))"
      let sql = date == .max ? "'infinity'::date" : date == .min ? "'-infinity'::date" : value
      cases.append(OracleCase("\(sql)::text", text { PlainText.write(date: date, to: &$0) }))
      cases.append(OracleCase("to_json(\(sql))", text { JSONText.write(date: date, to: &$0) }))
    }
    for time in times {
      cases += timestampCases(time)
    }
    try expectAgreement(cases)
  }

  @Test func stringsAreEscapedAsPostgresEscapesThem() throws {
    var random = SeededRandom()
    let texts = (0..<2000).map { _ in
      (0..<Int.random(in: 0...12, using: &random)).map { _ in
        let code = UInt32.random(in: 1...0x2ff, using: &random)
        return Unicode.Scalar(Bool.random(using: &random) ? code % 0x60 + 1 : code) ?? "x"
      }
    }
    try expectAgreement(
      texts.map { scalars in
        let string = String(String.UnicodeScalarView(scalars))
        let sql = scalars.map { "chr(\($0.value))" }.joined(separator: "||")
        return OracleCase(
          "to_json((\(sql.isEmpty ? "''" : sql))::text)",
          text { JSONText.write(text: string, to: &$0) })
      })
  }

  @Test func otherTypesPrintAsPostgresPrintsThem() throws {
    let uuid: UInt128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210
    let sql = "'01234567-89AB-cdef-fedc-ba9876543210'::uuid"
    var cases = [
      OracleCase("\(sql)::text", text { PlainText.write(uuid: uuid, to: &$0) }),
      OracleCase("to_json(\(sql))", text { JSONText.write(uuid: uuid, to: &$0) }),
      OracleCase("to_json(true)", text { JSONText.write(true, to: &$0) }),
      OracleCase("false::text", text { PlainText.write(cast: false, to: &$0) }),
      OracleCase("boolout(true)", text { PlainText.write(true, to: &$0) }),
    ]
    for value in [Int64.min, -1, 0, 7, .max] {
      let sql = "'\(value)'::int8"
      cases.append(OracleCase("to_json(\(sql))", text { JSONText.write(value, to: &$0) }))
    }
    for value in ["NaN", "-Infinity", "1.50", "-0.001"] {
      let numeric = try #require(Numeric(value))
      cases.append(
        OracleCase("to_json('\(value)'::numeric)", text { JSONText.write(numeric, to: &$0) }))
    }
    try expectAgreement(cases)
  }

  @Test func keysAreReadAsPostgresReadsThem() throws {
    var cases: [OracleCase] = []
    func add(_ type: String, _ texts: [String], _ read: (UnsafeRawBufferPointer) -> String?) {
      for text in texts {
        let ours = text.withRawBytes(read) ?? "refused"
        cases.append(OracleCase("'\(text)'::\(type)", ours))
      }
    }
    let integers = [
      "0", " 12 ", "-32768", "32767", "32768", "-32769", "2147483648", "-9223372036854775808",
      "9223372036854775808",
      "+5", "", "-", "1.0", "1 2", "0x",
    ]
    add("int2", integers) { KeyText.integer($0, Int16.self)?.description }
    add("int4", integers) { KeyText.integer($0, Int32.self)?.description }
    add("int8", integers) { KeyText.integer($0, Int64.self)?.description }
    add(
      "bool",
      ["t", "TRUE", "tru", "yes", "on", "o", "of", "OFF", "n", "1", "0", "2", "", "trues", " f "]
    ) {
      KeyText.bool($0)?.description
    }
    let floats = [
      "1", "1e400", "1e-400", "0e-400", "-1e308", "inf", "nan", "1.5e", ".5", "5.", "", "1e39",
      "1e-46",
    ]
    add("float8", floats) { KeyText.float($0, Double.self).map(floatText) }
    add("float4", floats) { KeyText.float($0, Float.self).map(floatText) }
    let uuid = "01234567-89ab-cdef-fedc-ba9876543210"
    let uuids = [
      uuid, "{\(uuid)}", uuid.uppercased(), "0123456789abcdeffedcba9876543210",
      "0123-4567-89ab-cdef-fedc-ba98-7654-3210",
      "{\(uuid)", "\(uuid)}", uuid + "0", "0-1234567-89ab-cdef-fedc-ba9876543210", "", " \(uuid)",
      "\(uuid)-",
    ]
    add("uuid", uuids) {
      KeyText.uuid($0).map { value in text { PlainText.write(uuid: value, to: &$0) } }
    }
    try expectRefusalsAgree(cases)
  }

  @Test func datesAndTimesAreReadAsPostgresReadsThem() throws {
    var random = SeededRandom()
    let dates = [
      "2026-03-30", "2024-02-29", "2023-02-29", "0044-03-15 BC", "0001-01-01", "0000-01-01",
      "5874897-12-31",
      "5874898-01-01", "4714-11-24 BC", "4714-11-23 BC", "infinity", "-infinity", "2026-13-01",
      "2026-1-5", " 2026-03-30 ",
      "2026-04-31", "nonsense",
    ]
    let times = [
      "2026-03-30T15:00:00Z", "2026-03-30 15:00:00.5+02", "2026-03-30 15:00:00-03:30", "2026-03-30",
      "2026-03-30 24:00:00",
      "2026-03-30 24:00:01", "2026-03-30 23:59:60", "2026-03-30 23:60:00", "2026-03-30 15:00",
      "294276-12-31 23:59:59.999999",
      "294277-01-01 00:00:00", "294277-01-01 00:00:00+01", "4714-11-24 00:00:00 BC",
      "4714-11-23 23:00:00 BC",
      "0044-03-15 12:00:00+00 BC", "infinity", "2026-03-30T15:00:00.1234567",
      "2026-03-30T15:00:00.9999999",
      "2026-03-30T15:00:00+15:59", "2026-03-30T15:00:00+16", "2026-03-30T", "",
      "2026-03-30T15:00:00.", "1999-12-31T23:59:59.999999Z",
    ]
    let printed = (0..<500).map { _ in
      let time = randomTimestamp(&random)
      return text { PlainText.write(timestamptz: time, to: &$0) }
    }
    let fractions = (0..<300).map { _ in
      "2026-03-30T15:00:00.\(random.digits(Int.random(in: 1...9, using: &random)))"
    }
    var cases: [OracleCase] = []
    for date in dates {
      let days = date.withRawBytes(KeyText.date)
      let ours = days.map { days in text { PlainText.write(date: days, to: &$0) } }
      cases.append(OracleCase("'\(date)'::date", ours ?? "refused"))
    }
    for time in times + printed + fractions {
      let local = time.withRawBytes(KeyText.timestamp).map { time in
        text { PlainText.write(timestamp: time, to: &$0) }
      }
      let zoned = time.withRawBytes(KeyText.timestamptz).map { time in
        text { PlainText.write(timestamptz: time, to: &$0) }
      }
      cases.append(OracleCase("'\(time)'::timestamp", local ?? "refused"))
      cases.append(OracleCase("'\(time)'::timestamptz", zoned ?? "refused"))
    }
    try expectRefusalsAgree(cases)
  }

  /// As `expectAgreement`, where our side says `refused` for whatever the server's error is.
  private func expectRefusalsAgree(_ cases: [OracleCase]) throws {
    try expectAgreement(
      cases.map {
        OracleCase(
          "(SELECT regexp_replace(pg_temp.probe($q$\($0.sql)$q$), '^error.*', 'refused'))", $0.ours)
      })
  }

  private func randomTimestamp(_ random: inout SeededRandom) -> Int64 {
    let wide = Int64.random(
      in: -211_813_488_000_000_000..<9_000_000_000_000_000_000, using: &random)
    let near = Int64.random(in: -1_000_000_000_000_000..<1_000_000_000_000_000, using: &random)
    let units: [Int64] = [1, 10, 1000, 100_000, 1_000_000]
    let unit = units.randomElement(using: &random) ?? 1
    return (Bool.random(using: &random) ? wide : near) / unit * unit
  }

  private func timestampCases(_ time: Int64) -> [OracleCase] {
    let (days, rest) = CalendarDate.divideDown(Int(time), by: DateTimeText.microsecondsPerDay)
    let finite = "('2000-01-01'::date + \(days) + interval '\(rest) microseconds')"
    let local =
      time == .max ? "'infinity'::timestamp" : time == .min ? "'-infinity'::timestamp" : finite
    let zoned = "\(local)::timestamptz"
    return [
      OracleCase("\(local)::text", text { PlainText.write(timestamp: time, to: &$0) }),
      OracleCase("\(zoned)::text", text { PlainText.write(timestamptz: time, to: &$0) }),
      OracleCase("to_json(\(local))", text { JSONText.write(timestamp: time, to: &$0) }),
      OracleCase("to_json(\(zoned))", text { JSONText.write(timestamptz: time, to: &$0) }),
    ]
  }
}

/// The text that `write` appends.
func text(_ write: (inout [UInt8]) -> Void) -> String {
  var bytes: [UInt8] = []
  write(&bytes)
  return String(decoding: bytes, as: UTF8.self)
}

extension String {
  func withRawBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var text = self
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}

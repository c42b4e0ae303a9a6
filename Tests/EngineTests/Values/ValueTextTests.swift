import Testing

@testable import Engine

/// Text of the types, checked by hand.
struct ValueTextTests {
  @Test(arguments: [
    (0.0, "0"), (-0.0, "-0"), (0.1, "0.1"), (1e-4, "0.0001"), (1e-5, "1e-05"), (1e15, "1e+15"),
    (123_456_789_012_345.0, "123456789012345"), (1e23, "9.999999999999999e+22"),
    (1.5e300, "1.5e+300"),
    (.nan, "NaN"), (-.infinity, "-Infinity"),
  ])
  func doublesPrintShortest(value: Double, expected: String) {
    #expect(floatText(value) == expected)
  }

  @Test func floatsSwitchToExponentsEarlier() {
    #expect(floatText(Float(100_000)) == "100000")
    #expect(floatText(Float(1_000_000)) == "1e+06")
    #expect(floatText(Float(0.1)) == "0.1")
  }

  @Test func floatFaultsAreThoseOfTheServer() throws {
    #expect(throws: ValueFault.floatOverflow) { try 1e308.multiplied(by: 10.0) }
    #expect(throws: ValueFault.floatUnderflow) { try 1e-308.multiplied(by: 1e-308) }
    #expect(throws: ValueFault.divisionByZero) { try 1.0.divided(by: 0) }
    #expect(try Double.nan.divided(by: 0).isNaN)
    #expect(try 2.5.integer(Int32.self) == 2)
    #expect(throws: ValueFault.integerOutOfRange) { try Double.nan.integer(Int32.self) }
    #expect(throws: ValueFault.floatOverflow) { try 1e39.float4() }
    #expect(Double.nan.compared(to: .infinity) > 0)
    #expect(Double.nan.compared(to: .nan) == 0)
  }

  @Test func stringsEscapeOnlyWhatTheServerEscapes() {
    let written = text {
      JSONText.write(text: "a\"\\/\u{08}\u{0c}\n\r\t\u{01}\u{1f}\u{7f}é", to: &$0)
    }
    #expect(written == #""a\"\\/\b\f\n\r\t\u0001\u001f"# + "\u{7f}é\"")
  }

  @Test func timesPrintInBothStyles() {
    let time: Int64 = 828_198_000_500_000  // 2026-03-30 15:00:00.5
    #expect(
      text { JSONText.write(timestamptz: time, to: &$0) } == "\"2026-03-30T15:00:00.5+00:00\"")
    #expect(text { JSONText.write(timestamp: time, to: &$0) } == "\"2026-03-30T15:00:00.5\"")
    #expect(text { PlainText.write(timestamptz: time, to: &$0) } == "2026-03-30 15:00:00.5+00")
    #expect(text { JSONText.write(timestamp: .max, to: &$0) } == "\"infinity\"")
    #expect(text { JSONText.write(date: -746_117, to: &$0) } == "\"0044-03-15 BC\"")
  }

  @Test func everyDayOfALongWhileComesBack() {
    for days in -800_000...200_000 {
      let day = CalendarDate(daysSince2000: days)
      #expect(day.daysSince2000 == days)
    }
  }

  @Test func keysOutOfRangeAreRefused() {
    #expect("32768".withRawBytes { KeyText.integer($0, Int16.self) } == nil)
    #expect("-32768".withRawBytes { KeyText.integer($0, Int16.self) } == -32768)
    #expect("2023-02-29".withRawBytes(KeyText.date) == nil)
    #expect("2026-03-30T17:00:00.5+02:00".withRawBytes(KeyText.timestamptz) == 828_198_000_500_000)
    // The nearest double lies below the half.
    #expect(
      "2026-03-30T15:00:00.5162395Z".withRawBytes(KeyText.timestamptz) == 828_198_000_516_239)
    #expect("2026-03-30T15:00:00Zx".withRawBytes(KeyText.timestamptz) == nil)
    #expect("o".withRawBytes(KeyText.bool) == nil)
    #expect("1e1001".withRawBytes(KeyText.numeric) == nil)
  }
}

import TestSupport
import Testing

@testable import Engine

/// The cases of `Numeric` that matter most, checked by hand; `NumericOracleTests` has the many.
struct NumericTests {
  private func n(_ text: String) throws -> Numeric {
    try #require(Numeric(text), "\(text)")
  }

  @Test(arguments: [
    ("1.50", "2.5", "4.00"), ("-1", "0.001", "-0.999"), ("NaN", "1", "NaN"),
    ("Infinity", "-Infinity", "NaN"), ("-Infinity", "5", "-Infinity"),
    ("170141183460469231731687303715884105727", "1", "170141183460469231731687303715884105728"),
  ])
  func sumsKeepTheLargerScale(left: String, right: String, sum: String) throws {
    #expect(try n(left).adding(n(right)).description == sum)
    #expect(try n(right).adding(n(left)).description == sum)
  }

  @Test func sumsReturnToTheSmallFormWhenTheyFitAgain() throws {
    let limit = try n("170141183460469231731687303715884105727")
    let back = try limit.adding(Numeric(1)).subtracting(Numeric(1))
    #expect(back == limit)
    #expect(back.hashValue == limit.hashValue)
  }

  @Test(arguments: [
    ("1.50", "2.5", "3.750"), ("-0.02", "0.5", "-0.010"), ("0", "Infinity", "NaN"),
    ("-2", "Infinity", "-Infinity"),
    ("99999999999999999999", "99999999999999999999", "9999999999999999999800000000000000000001"),
  ])
  func productsAddTheScales(left: String, right: String, product: String) throws {
    #expect(try n(left).multiplied(by: n(right)).description == product)
  }

  @Test(arguments: [
    ("1", "3", "0.33333333333333333333"), ("10", "3", "3.3333333333333333"),
    ("2", "3", "0.66666666666666666667"), ("-7", "2", "-3.5000000000000000"),
    ("100000", "7", "14285.714285714286"), ("1", "Infinity", "0"), ("Infinity", "-2", "-Infinity"),
  ])
  func quotientsHaveTheServersScale(left: String, right: String, quotient: String) throws {
    #expect(try n(left).divided(by: n(right)).description == quotient)
  }

  @Test func divisionByZeroIsAFault() throws {
    for dividend in ["1", "0", "Infinity"] {
      let value = try n(dividend)
      #expect(throws: ValueFault.divisionByZero) { try value.divided(by: .zero) }
      #expect(throws: ValueFault.divisionByZero) { try value.remainder(dividingBy: .zero) }
    }
    #expect(try Numeric.nan.divided(by: .zero).isNaN)
    #expect(ValueFault.divisionByZero.sqlState == "22012")
  }

  @Test(arguments: [
    ("2.5", 0, "3", "2"), ("-2.5", 0, "-3", "-2"), ("1.005", 2, "1.01", "1.00"),
    ("1234.5", -2, "1200", "1200"), ("1250", -2, "1300", "1200"), ("1.5", 3, "1.500", "1.500"),
    ("49", -2, "0", "0"), ("50", -2, "100", "0"), ("50", -40, "0", "0"),
  ])
  func roundingGoesHalfAwayFromZero(
    value: String, digits: Int, rounded: String, truncated: String
  ) throws {
    #expect(try n(value).rounded(digits).description == rounded)
    #expect(try n(value).truncated(digits).description == truncated)
  }

  @Test func integersRoundAndCheckTheirRange() throws {
    #expect(try n("2.5").integer(Int32.self) == 3)
    #expect(try n("-32768.4").integer(Int16.self) == -32768)
    let tooLarge = try n("9223372036854775807.5")
    #expect(throws: ValueFault.integerOutOfRange) { try tooLarge.integer(Int64.self) }
    #expect(throws: ValueFault.notAFiniteNumber) { try Numeric.nan.integer(Int64.self) }
  }

  @Test func orderPutsNaNLastAndIgnoresScale() throws {
    let ascending = try ["-Infinity", "-1.5", "0", "1.49", "1.50", "1e40", "Infinity", "NaN"].map(n)
    #expect(ascending.shuffled().sorted().map(\.description) == ascending.map(\.description))
    #expect(Numeric.nan == .nan)
    #expect(try n("1.50") == n("1.5"))
    #expect(try Set([n("1.50"), n("1.5"), n("1.500")]).count == 1)
    #expect(try n("100.500").normalized.description == "100.5")
    #expect(try n("100").normalized.description == "100")
  }

  @Test func typmodRoundsAndLimits() throws {
    #expect(try n("1.005").constrained(to: .init(precision: 3, scale: 2)).description == "1.01")
    #expect(try n("1250").constrained(to: .init(precision: 2, scale: -2)).description == "1300")
    let value = try n("9.995")
    #expect(throws: ValueFault.numericFieldOverflow) {
      try value.constrained(to: .init(precision: 3, scale: 2))
    }
    #expect(NumericTypmod(-1) == nil)
    #expect(NumericTypmod(655_366) == NumericTypmod(precision: 10, scale: 2))
    #expect(NumericTypmod(133_122) == NumericTypmod(precision: 2, scale: -2))
  }

  @Test func floatsKeepTheReliableDigits() throws {
    #expect(Numeric(0.1 + 0.2).description == "0.3")
    #expect(Numeric(Float(1) / 3).description == "0.333333")
    #expect(Numeric(1e20).description == "100000000000000000000")
    #expect(try n("0.1").float(Double.self) == 0.1)
    let huge = try n("1e400")
    #expect(throws: ValueFault.floatOverflow) { try huge.float(Double.self) }
    let tiny = try n("1e-400")
    #expect(throws: ValueFault.floatUnderflow) { try tiny.float(Double.self) }
  }

  @Test func encodingsReadBackAndRefuseNonsense() throws {
    var random = SeededRandom()
    let texts = (0..<2000).map { _ in random.numericText() } + ["1e5000", "-1e-5000", "0.00"]
    for text in texts {
      let value = try n(text)
      var encoded: [UInt8] = []
      value.encode(into: &encoded)
      let decoded = encoded.withUnsafeBytes { Numeric(encoded: $0) }
      #expect(decoded?.description == value.description)
    }
    for nonsense: [UInt8] in [[], [0], [0, 0], [9, 0, 0], [0, 255, 255]] {
      #expect(nonsense.withUnsafeBytes { Numeric(encoded: $0) } == nil)
    }
  }

  @Test func smallValuesEncodeInFewBytes() throws {
    var encoded: [UInt8] = []
    try n("-1.50").encode(into: &encoded)
    #expect(encoded == [1, 2, 0, 150])
  }

  @Test func wireFormatIsRead() throws {
    func wire(_ hex: String) throws -> String {
      try bytes(hex: hex).withUnsafeBytes { (raw) throws(ValueFault) in try Numeric(wire: raw) }
        .description
    }
    #expect(try wire("0002000000000002" + "00011388") == "1.50")
    #expect(try wire("0001ffff40000001" + "1388") == "-0.5")
    #expect(try wire("00000000c0000000") == "NaN")
    #expect(throws: ValueFault.malformedBinary) { try wire("0001000000000000") }
    #expect(throws: ValueFault.malformedBinary) { try wire("00010000000000002710") }
    #expect(throws: ValueFault.malformedBinary) { try wire("00000000123400") }
  }

  @Test func valuesOfVeryDifferentScaleCompareByValue() throws {
    var random = SeededRandom()
    for _ in 0..<300 {
      let scales = [0, 1, 30, 40, 400, 5_000, Numeric.scaleMax]
      let whole = random.number(0...3)
      let place = random.number(1...45)
      let sign = random.pick(["", "-"])
      // Equal, or apart in a place behind the point.
      let zeros = String(repeating: "0", count: place - 1)
      let a = try n("\(sign)\(whole).\(zeros)\(random.number(0...1))")
      let b = try n("\(sign)\(whole).\(zeros)\(random.number(0...1))")
      let expected = try a.subtracting(b).signum
      let x = try n(a.description + String(repeating: "0", count: random.pick(scales.dropLast(1))))
      let y = try n(b.description + String(repeating: "0", count: random.pick(scales.dropLast(1))))
      #expect(x.compared(to: y).signum() == expected, "\(a) \(b), \(x.scale) \(y.scale)")
      #expect(y.compared(to: x).signum() == -expected, "\(a) \(b), \(x.scale) \(y.scale)")
      #expect((x == y) == (x.normalized.description == y.normalized.description))
    }
  }

  /// A client may send such a number, and each row is compared with it.
  @Test func aLargeScaleMakesNoComparisonSlow() throws {
    // Beyond the largest scale no power is remembered.
    let power = threadTime {
      for _ in 0..<10 { _ = PowerOfTen.big(Numeric.scaleMax + 1) }
    }
    let long = try n("1." + String(repeating: "0", count: Numeric.scaleMax))
    for other in [Numeric(1), Numeric(9), try n("0.001")] {
      _ = long < other
      let comparison = threadTime { for _ in 0..<10 { _ = long < other } }
      #expect(comparison < power / 3, "\(other)")
    }
    let stripping = threadTime { _ = long.normalized }
    #expect(stripping < power * 5)
  }
}

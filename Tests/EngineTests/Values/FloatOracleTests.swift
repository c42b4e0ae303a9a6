import TestSupport
import Testing

@testable import Engine

/// Float arithmetic and text beside the real server.
@Suite(.needsPostgres) struct FloatOracleTests {
  @Test func doublesPrintAsPostgresPrintsThem() throws {
    var random = SeededRandom()
    let values = interestingDoubles + (0..<6000).map { _ in randomDouble(&random) }
    try expectAgreement(
      values.map { OracleCase("\(sql($0))::text", floatText($0)) }
        + values.map { OracleCase("to_json(\(sql($0)))", jsonText($0)) })
  }

  @Test func floatsPrintAsPostgresPrintsThem() throws {
    var random = SeededRandom()
    let powers = (-149..<128).map { Float(sign: .plus, exponent: $0, significand: 1) }
    let values =
      powers
      + (0..<6000).map { _ in randomFloat(&random) }
    try expectAgreement(values.map { OracleCase("\(sql($0))::text", floatText($0)) })
  }

  @Test func arithmeticEqualsPostgres() throws {
    var random = SeededRandom()
    var cases: [OracleCase] = []
    for _ in 0..<2000 {
      let (x, y) = (randomDouble(&random), randomDouble(&random))
      let (a, b) = (
        randomFloat(&random), Float(y / x)
      )
      cases += arithmetic(x, y) + arithmetic(a, b)
    }
    for x in special {
      for y in special { cases += arithmetic(x, y) + arithmetic(Float(x), Float(y)) }
    }
    try expectAgreement(cases)
  }

  @Test func castsEqualPostgres() throws {
    var random = SeededRandom()
    let halves = (-20...20).map { Double($0) / 4 }
    let edges = [
      32767.5, 32768, -32768.5, -32769, 2147483647.5, -2147483648.5, 0x1p63, -0x1p63, 0x1p63 - 1024,
    ]
    let values =
      special + halves + edges + interestingDoubles + (0..<3000).map { _ in randomDouble(&random) }
    var cases: [OracleCase] = []
    for value in values {
      cases += casts(value) + casts(Float(value))
      cases.append(
        OracleCase("\(sql(value))::float4") { () throws(ValueFault) in floatText(try value.float4())
        })
    }
    try expectAgreement(cases)
  }

  private var special: [Double] {
    [
      0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e308, -1e308, 1e-308, .leastNonzeroMagnitude,
      3e38, 1e-45,
    ]
  }

  /// Powers and the whole numbers around them, where shortest forms meet the edges of their
  /// intervals.
  private var interestingDoubles: [Double] {
    let powersOfTwo = (-1074..<1024).map { Double(sign: .plus, exponent: $0, significand: 1) }
    let powersOfTen = (-30...40).compactMap { Double("1e\($0)") }
    let halves = (0..<200).map { 1_125_899_906_842_624.25 + Double($0) * 0.25 }
    let large = (0..<400).map { 9_007_199_254_740_992.0 + Double($0) * 2 }
    let neighbours = (powersOfTen + powersOfTwo).flatMap { [$0.nextUp, $0.nextDown] }
    let midpoints =
      (1..<400).compactMap { Double("\($0)e23") } + (1..<400).compactMap { Double("\($0)e22") }
    return powersOfTwo + powersOfTen + halves + large + neighbours.filter(\.isFinite) + midpoints
  }

  private func randomDouble(_ random: inout SeededRandom) -> Double {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: quiet(Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random)))
    case 1: Double(Int.random(in: -100_000...100_000, using: &random)) / 100
    case 2: Double(Int.random(in: Int.min...Int.max, using: &random))
    default: Double.random(in: -1000...1000, using: &random)
    }
  }

  private func randomFloat(_ random: inout SeededRandom) -> Float {
    quiet(Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random)))
  }

  /// Every NaN alike, since Swift prints the payload of some.
  private func quiet<Value: PostgresFloat>(_ value: Value) -> Value {
    value.isNaN ? .nan : value
  }

  private func sql(_ value: Double) -> String { "'\(value)'::float8" }

  private func sql(_ value: Float) -> String { "'\(value)'::float4" }

  private func jsonText(_ value: Double) -> String {
    var bytes: [UInt8] = []
    JSONText.write(value, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func casts<Value: PostgresFloat>(_ value: Value) -> [OracleCase] {
    let sql = "'\(value)'::\(Value.self == Float.self ? "float4" : "float8")"
    return [
      OracleCase("\(sql)::int8") { () throws(ValueFault) in try value.integer(Int64.self) },
      OracleCase("\(sql)::int4") { () throws(ValueFault) in try value.integer(Int32.self) },
      OracleCase("\(sql)::int2") { () throws(ValueFault) in try value.integer(Int16.self) },
      OracleCase("\(sql)::numeric", Numeric(value).description),
    ]
  }

  private func arithmetic<Value: PostgresFloat>(_ x: Value, _ y: Value) -> [OracleCase] {
    let type = Value.self == Float.self ? "float4" : "float8"
    let (left, right) = ("'\(x)'::\(type)", "'\(y)'::\(type)")
    return [
      OracleCase("\(left) + \(right)") { () throws(ValueFault) in floatText(try x.adding(y)) },
      OracleCase("\(left) - \(right)") { () throws(ValueFault) in floatText(try x.subtracting(y)) },
      OracleCase("\(left) * \(right)") { () throws(ValueFault) in floatText(try x.multiplied(by: y))
      },
      OracleCase("\(left) / \(right)") { () throws(ValueFault) in floatText(try x.divided(by: y)) },
      OracleCase("\(left) < \(right)", "\(x.compared(to: y) < 0)"),
      OracleCase("\(left) = \(right)", "\(x.compared(to: y) == 0)"),
    ]
  }
}

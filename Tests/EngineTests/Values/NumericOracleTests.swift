import TestSupport
import Testing

@testable import Engine

/// Every operation of `Numeric` beside the real server.
@Suite(.needsPostgres) struct NumericOracleTests {
  private func value(_ text: String) throws -> Numeric {
    try #require(Numeric(text), "\(text)")
  }

  @Test func binaryOperationsEqualPostgres() throws {
    var random = SeededRandom()
    var cases: [OracleCase] = []
    for _ in 0..<4000 {
      let (a, b) = (random.numericText(), random.numericText())
      let (x, y) = (try value(a), try value(b))
      let (left, right) = ("'\(a)'::numeric", "'\(b)'::numeric")
      cases += [
        OracleCase("\(left) + \(right)") { () throws(ValueFault) in try x.adding(y) },
        OracleCase("\(left) - \(right)") { () throws(ValueFault) in try x.subtracting(y) },
        OracleCase("\(left) * \(right)") { () throws(ValueFault) in try x.multiplied(by: y) },
        OracleCase("\(left) / \(right)") { () throws(ValueFault) in try x.divided(by: y) },
        OracleCase("\(left) % \(right)") { () throws(ValueFault) in try x.remainder(dividingBy: y)
        },
        OracleCase("\(left) < \(right)", "\(x < y)"),
        OracleCase("\(left) = \(right)", "\(x == y)"),
      ]
    }
    try expectAgreement(cases)
  }

  @Test func unaryOperationsEqualPostgres() throws {
    var random = SeededRandom()
    var cases: [OracleCase] = []
    for _ in 0..<3000 {
      let text = random.numericText()
      let x = try value(text)
      let sql = "'\(text)'::numeric"
      let digits = Int.random(in: -25...25, using: &random)
      cases += [
        OracleCase(sql, x.description),
        OracleCase("-\(sql)", x.negated.description),
        OracleCase("abs(\(sql))", x.absolute.description),
        OracleCase("sign(\(sql))", x.sign.description),
        OracleCase("round(\(sql), \(digits))") { () throws(ValueFault) in try x.rounded(digits) },
        OracleCase("trunc(\(sql), \(digits))") { () throws(ValueFault) in try x.truncated(digits) },
        OracleCase("round(\(sql))") { () throws(ValueFault) in try x.rounded() },
        OracleCase("trunc(\(sql))") { () throws(ValueFault) in try x.truncated() },
        OracleCase("ceil(\(sql))") { () throws(ValueFault) in try x.ceiling() },
        OracleCase("floor(\(sql))") { () throws(ValueFault) in try x.floor() },
      ]
    }
    try expectAgreement(cases)
  }

  @Test func castsEqualPostgres() throws {
    var random = SeededRandom()
    var cases: [OracleCase] = []
    for _ in 0..<3000 {
      let text = random.numericText()
      let x = try value(text)
      let sql = "'\(text)'::numeric"
      let precision = Int.random(in: 1...40, using: &random)
      let scale = Int.random(in: -10...45, using: &random)
      let typmod = NumericTypmod(precision: precision, scale: scale)
      cases += [
        OracleCase("\(sql)::int8") { () throws(ValueFault) in try x.integer(Int64.self) },
        OracleCase("\(sql)::int4") { () throws(ValueFault) in try x.integer(Int32.self) },
        OracleCase("\(sql)::int2") { () throws(ValueFault) in try x.integer(Int16.self) },
        OracleCase("\(sql)::float8") { () throws(ValueFault) in floatText(try x.float(Double.self))
        },
        OracleCase("\(sql)::float4") { () throws(ValueFault) in floatText(try x.float(Float.self))
        },
        OracleCase("\(sql)::numeric(\(precision),\(scale))") { () throws(ValueFault) in
          try x.constrained(to: typmod)
        },
      ]
    }
    try expectAgreement(cases)
  }

  @Test func extremesEqualPostgres() throws {
    let texts = [
      "1e1500", "-9.99e1300", "1e-2000", "3", "-0.7", "0", "1e-1000", "12345678901234567890e-1010",
      "7e-3000",
    ]
    var cases: [OracleCase] = []
    for a in texts {
      let x = try value(a)
      // A digest keeps the long answers short.
      func digest(_ sql: String, _ compute: () throws(ValueFault) -> Numeric) -> OracleCase {
        OracleCase(
          "(SELECT length(x)||':'||left(x,60)||':'||right(x,60) FROM (SELECT (\(sql))::text) t(x))"
        ) {
          () throws(ValueFault) in
          let text = try compute().description
          return "\(text.count):\(text.prefix(60)):\(text.suffix(60))"
        }
      }
      for b in texts {
        let y = try value(b)
        let (left, right) = ("'\(a)'::numeric", "'\(b)'::numeric")
        cases += [
          digest("\(left) + \(right)") { () throws(ValueFault) in try x.adding(y) },
          digest("\(left) * \(right)") { () throws(ValueFault) in try x.multiplied(by: y) },
          OracleCase("\(left) > \(right)", "\(x > y)"),
        ]
        guard a.count < 8, b.count < 8, !a.contains("131071"), !b.contains("131071") else {
          continue
        }
        cases.append(digest("\(left) / \(right)") { () throws(ValueFault) in try x.divided(by: y) })
      }
      for digits in [-200_000, -3000, -2000, 1999, 3000] {
        cases.append(
          digest("round('\(a)'::numeric, \(digits))") { () throws(ValueFault) in
            try x.rounded(digits)
          })
      }
    }
    try expectAgreement(cases)
  }

  @Test func valuesPastTheFormatOverflow() throws {
    let largest = try value("9e131071")
    let finest = try value("1e-16383")
    try expectAgreement([
      OracleCase("9e131071 + 9e131071") { () throws(ValueFault) in try largest.adding(largest) },
      OracleCase("1e-16383::float8") { () throws(ValueFault) in
        floatText(try finest.float(Double.self))
      },
    ])
  }

  @Test func literalsAreReadAsPostgresReadsThem() throws {
    let texts = [
      "1", " 1 ", "+1", "-1", "1.", ".5", "-.5", ".", "", " ", "1e5", "1E+5", "1e-5", "1e", "1e+",
      "e5", "1 2", "--1",
      "1.5.2", "nan", "NaN", " nan ", "+nan", "inf", "-inf", "+Infinity", "INFINITY", "infinit",
      "1e131072", "1e-16383", "1e-16384", "0e10", "0.00e2", "0.00e-2", "00012.500",
      "1e999999999999", "-0.00", "12a",
    ]
    try expectAgreement(
      texts.map { text in
        let ours = Numeric(text).map { "\($0.description.count) \($0.description.prefix(50))" }
        return OracleCase(
          "(SELECT length(x) || ' ' || left(x, 50) FROM (SELECT '\(text)'::numeric::text) t(x))",
          ours
            ?? (text.contains("131072") || text.contains("-16384") || text.contains("999")
              ? "error 22003" : "error 22P02"))
      })
  }

  @Test func sumsAndAveragesEqualPostgres() throws {
    var random = SeededRandom()
    var cases: [OracleCase] = []
    for _ in 0..<1500 {
      var sum = NumericSum()
      var present: [String] = []
      let isPlain = Int.random(in: 0..<4, using: &random) > 0
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        if !present.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
          let gone = present.remove(at: Int.random(in: present.indices, using: &random))
          sum.remove(try value(gone))
        } else {
          let scale = Int.random(in: 0...3, using: &random)
          let plain =
            "\(Int.random(in: -50...50, using: &random))"
            + (scale == 0 ? "" : "." + random.digits(scale))
          let text = isPlain ? plain : random.numericText()
          present.append(text)
          sum.add(try value(text))
        }
      }
      let rows = "unnest(ARRAY[\(present.map { "'\($0)'" }.joined(separator: ","))]::numeric[]) v"
      cases += [
        OracleCase("(SELECT sum(v) FROM \(rows))") { () throws(ValueFault) in
          try sum.sum()?.description ?? "null"
        },
        OracleCase("(SELECT avg(v) FROM \(rows))") { () throws(ValueFault) in
          try sum.average()?.description ?? "null"
        },
      ]
    }
    try expectAgreement(cases)
  }

  @Test func wireFormatIsReadBack() throws {
    var random = SeededRandom()
    let texts =
      (0..<3000).map { _ in random.numericText() } + ["1e5000", "-1e-5000", "1e-16383"]
    let oracle = try #require(PostgresOracle.shared)
    let sent = try oracle.evaluate(texts.map { "encode(numeric_send('\($0)'), 'hex')" })
    for (text, hex) in zip(texts, sent) {
      let decoded = try bytes(hex: hex).withUnsafeBytes { (raw) throws(ValueFault) in
        try Numeric(wire: raw)
      }
      #expect(decoded.description == Numeric(text)?.description, "\(text)")
    }
  }

  /// A view's stored tree holds its constants as datum bytes, length first.
  @Test func constantsOfStoredViewsAreReadBack() throws {
    var random = SeededRandom()
    let texts =
      (0..<600).map { _ in random.numericText() } + ["1e-70", "-1e300", "1e-700", "0.000"]
    let columns = texts.enumerated().map { "'\($1)'::numeric AS c\($0)" }.joined(separator: ", ")
    let oracle = try #require(PostgresOracle.shared)
    let tree = try oracle.evaluate(
      ["(SELECT ev_action FROM pg_rewrite WHERE ev_class = 'constants'::regclass)"],
      setup: "CREATE TEMP VIEW constants AS SELECT \(columns);")
    let constants = tree[0].matches(of: /:constvalue \d+ \[ ([-\d ]+) \]/)
    try #require(constants.count == texts.count)
    for (text, constant) in zip(texts, constants) {
      let datum = constant.1.split(separator: " ").compactMap { Int8($0) }
      let decoded = try datum.dropFirst(4).withUnsafeBytes { (raw) throws(ValueFault) in
        try Numeric(datum: raw)
      }
      #expect(decoded.description == Numeric(text)?.description, "\(text)")
    }
  }
}

/// The text of a float as Postgres prints it.
func floatText(_ value: some PostgresFloat) -> String {
  var bytes: [UInt8] = []
  PlainText.write(value, to: &bytes)
  return String(decoding: bytes, as: UTF8.self)
}

func bytes(hex: String) -> [UInt8] {
  var result: [UInt8] = []
  var rest = hex[...]
  while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) {
    result.append(byte)
    rest = rest.dropFirst(2)
  }
  return result
}

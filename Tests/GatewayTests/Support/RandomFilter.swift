import TestSupport

/// A random condition in the language of filters, and the same in SQL.
struct RandomFilter {
  /// As `name=value` of a query, not yet percent-encoded.
  let name: String
  let value: String
  /// As it stands in a group.
  let grouped: String
  let sql: String

  /// A table of the types that views carry, with NULLs, repetitions and awkward text.
  static let schema = """
    CREATE TYPE mood AS ENUM ('low', 'fair', 'a high');
    CREATE TABLE things (id int PRIMARY KEY, n int, s smallint, big bigint, d numeric, f float8, r real,
      t text COLLATE "C", l text COLLATE "en-x-icu", c char(4) COLLATE "C", day date, ts timestamp,
      at timestamptz, u uuid, e mood, b bool, j jsonb);
    INSERT INTO things SELECT i, nullif(i % 7, 3), i % 5 - 2, (i % 9) * 1000000000000,
      CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 1.50 ELSE (i % 11) * 0.25 END,
      CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE (i % 5) / 3.0 END,
      (i % 4) / 3.0,
      (ARRAY[NULL, '', 'a', 'A', 'ab', 'b,c', 'd"e', 'f\\g', 'ü', 'Ü%', '(x)', 'a_b', ' '])[1 + i % 13],
      (ARRAY[NULL, 'a', 'B', 'ä', 'ÄÖ', 'straße', 'x*y'])[1 + i % 7],
      (ARRAY[NULL, 'a', 'a  b', 'AB', ''])[1 + i % 5],
      CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE date '2026-01-01' + i % 7 END,
      CASE WHEN i % 6 > 0 THEN timestamp '2026-01-01 12:00' + i % 4 * interval '1.5 hours' END,
      CASE WHEN i % 7 > 0 THEN timestamptz '2026-01-01 12:00+00' + i % 5 * interval '1 day' END,
      CASE WHEN i % 4 > 0 THEN md5((i % 6)::text)::uuid END,
      (ARRAY[NULL, 'low', 'fair', 'a high']::mood[])[1 + i % 4],
      (ARRAY[NULL, true, false])[1 + i % 3], CASE WHEN i % 3 > 0 THEN jsonb_build_object('i', i) END
      FROM generate_series(1, 400) i;
    CREATE VIEW all_things AS SELECT * FROM things;
    CREATE VIEW some_columns AS SELECT n, t, d, b FROM things;
    """

  private static let operands: [String: [String]] = [
    "id": ["7", "200", "-1", "400"], "n": ["0", "3", "6", " 5 ", "-2147483648"],
    "s": ["-2", "0", "2"], "big": ["0", "3000000000000", "9223372036854775807"],
    "d": ["1.5", "1.50", "0.25", "NaN", "-Infinity", "1e-1", "2.750"],
    "f": ["NaN", "-inf", "0", "1", "1.3333333333333333"], "r": ["0.6666667", "0", "1e0"],
    "t": ["", "a", "A", "b,c", "d\"e", "f\\g", "ü", "(x)", " ", "zz"],
    "l": ["a", "B", "ä", "straße", "A"], "c": ["a", "a   ", "AB", "", "a  b"],
    "day": ["2026-01-03", "infinity", "2026-1-4", "0044-03-15 BC"],
    "ts": ["2026-01-01 13:30", "2026-01-01T15:00:00", "2026-01-01"],
    "at": ["2026-01-02 12:00:00+00", "2026-01-03T13:00:00+01:00", "2026-01-04 12:00Z"],
    "u": [
      "c4ca4238-a0b9-2382-0dcc-509a6f75849b", "{C81E728D9D4C2F636F067F89CC14862C}",
      "00000000-0000-0000-0000-000000000000",
    ],
    "e": ["low", "fair", "a high"], "b": ["true", "f", "on"],
  ]
  private static let patterns = [
    "a*", "*b*", "_", "%", "*", "a\\_b", "Ü\\%", "*ß*", "ä*", "x\\*y", "", "A_", "*\\\\*", "a  b",
    "**",
  ]

  /// - Parameter columns: that it may be about.
  init(_ random: inout SeededRandom, columns: [String], depth: Int = 0) {
    if depth < 3, random.oneIn(4) {
      self.init(groupOf: &random, columns: columns, depth: depth)
    } else {
      self.init(testOf: &random, column: random.pick(columns))
    }
  }

  private init(groupOf random: inout SeededRandom, columns: [String], depth: Int) {
    var parts: [RandomFilter] = []
    for _ in 0..<random.number(1...3) {
      parts.append(RandomFilter(&random, columns: columns, depth: depth + 1))
    }
    let isAnd = random.oneIn(2)
    let isNegated = random.oneIn(3)
    name = (isNegated ? "not." : "") + (isAnd ? "and" : "or")
    value = "(" + parts.map(\.grouped).joined(separator: random.pick([",", ", "])) + ")"
    grouped = name + value
    let joined = parts.map { "(\($0.sql))" }.joined(separator: isAnd ? " AND " : " OR ")
    sql = isNegated ? "NOT (\(joined))" : joined
  }

  private init(testOf random: inout SeededRandom, column: String) {
    let not = random.oneIn(4) ? "not." : ""
    let sqlNot = not.isEmpty ? "" : "NOT "
    name = column
    let isText = ["t", "l", "c"].contains(column)
    switch random.number(0...9) {
    case 0, 1:
      let truths = column == "b" ? ["null", "true", "false", "unknown"] : ["null"]
      let truth = random.pick(truths)
      value = "\(not)is.\(truth)"
      grouped = "\(column).\(value)"
      sql = "\(sqlNot)(\(column) IS \(truth))"
    case 2, 3:
      let values = (0..<random.number(0...9)).map { _ in random.pick(Self.operands[column] ?? ["1"])
      }
      value = "\(not)in.(" + values.map(Self.quoted).joined(separator: ",") + ")"
      grouped = "\(column).\(value)"
      let list = values.map(Self.literal).joined(separator: ", ")
      sql = values.isEmpty ? "\(sqlNot)false" : "\(sqlNot)(\(column) IN (\(list)))"
    case 4...5 where isText:
      let pattern = random.pick(Self.patterns)
      let word = random.pick(["like", "ilike"])
      value = "\(not)\(word).\(pattern)"
      grouped = "\(column).\(not)\(word).\(Self.quoted(pattern))"
      let sqlPattern = String(pattern.map { $0 == "*" ? "%" : $0 })
      sql = "\(sqlNot)(\(column) \(word) \(Self.literal(sqlPattern)))"
    default:
      // The order of "l" is a locale's.
      let words: [(String, String)] =
        column == "l"
        ? [("eq", "="), ("neq", "<>")]
        : [("eq", "="), ("neq", "<>"), ("lt", "<"), ("lte", "<="), ("gt", ">"), ("gte", ">=")]
      let word = random.pick(words)
      let operand = random.pick(Self.operands[column] ?? ["1"])
      value = "\(not)\(word.0).\(operand)"
      grouped = "\(column).\(not)\(word.0).\(Self.quoted(operand))"
      sql = "\(sqlNot)(\(column) \(word.1) \(Self.literal(operand)))"
    }
  }

  /// With quotes and backslashes escaped.
  private static func quoted(_ text: String) -> String {
    "\"" + text.flatMap { "\"\\".contains($0) ? ["\\", $0] : [$0] } + "\""
  }

  private static func literal(_ text: String) -> String {
    "'" + text.flatMap { $0 == "'" ? ["'", "'"] : [$0] } + "'"
  }
}

extension String {
  /// Everything but letters and digits escaped.
  var percentEncoded: String {
    utf8.map { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}

import Capture
import TestSupport
import Testing

/// Filters, orders and pages beside Postgres's own answer on the same rows.
@Suite(.serialized)
struct ReadOracleTests {
  private static let rounds = 250
  private static let filterable = [
    "id", "n", "s", "big", "d", "f", "r", "t", "l", "c", "day", "ts", "at", "u", "e", "b",
  ]
  /// Without "l", whose order is a locale's.
  private static let sortable = filterable.filter { $0 != "l" }

  private func serve(_ body: (TestService, PostgresConnection) async throws -> Void) async throws {
    let database = try TestCluster.database(RandomFilter.schema)
    try await TestService.run(database.prepared(["all_things", "some_columns"])) { service in
      try await body(service, try database.connect())
    }
  }

  /// All rows of the pages, followed by `next`.
  private func pages(_ service: TestService, _ target: String) throws -> [String] {
    var rows: [String] = []
    var cursor = ""
    for _ in 0..<500 {
      let answer = try service.client.get(target + cursor)
      try #require(answer.status == 200, "\(target)\(cursor): \(answer.body)")
      rows += JSONRows.split(answer.body)
      let next = answer.body.split(separator: "\"next\":").last ?? ""
      if next.hasPrefix("null") { return rows }
      cursor = "&cursor=\(next.dropFirst().dropLast(2))"
    }
    Issue.record("the pages of \(target) do not end")
    return rows
  }

  @Test func filtersOrdersAndPagesAreThoseOfPostgres() async throws {
    try await serve { service, postgres in
      var random = SeededRandom()
      var matched = 0
      for round in 0..<Self.rounds {
        let filters = (0..<random.number(0...2)).map { _ in
          RandomFilter(&random, columns: Self.filterable)
        }
        let order = Self.order(&random)
        let limit = random.pick([1, 7, 50, 399, 400, 10_000])
        let query =
          filters.map { "&\($0.name.percentEncoded)=\($0.value.percentEncoded)" }.joined()
          + (order.text.isEmpty ? "" : "&order=\(order.text)")
        let condition = filters.map { "(\($0.sql))" }.joined(separator: " AND ")
        let expected = try postgres.execute(
          """
          SELECT to_json(shown)::text FROM (SELECT * FROM things WHERE \(condition.isEmpty ? "true" : condition)
          ORDER BY \(order.sql)id) shown
          """
        ).compactMap { $0[0] }
        // Single rows in single pages would be many requests.
        let size = limit == 1 ? max(1, expected.count / 10) : limit
        let served = try pages(service, "/v1/views/all_things/rows?limit=\(size)\(query)")
        let isEqual = served == expected
        let missing = expected.first { !served.contains($0) } ?? ""
        let extra = served.first { !expected.contains($0) } ?? ""
        try #require(
          isEqual,
          """
          round \(round): \(served.count) rows served, \(expected.count) expected
          WHERE \(condition) ORDER BY \(order.sql)
          missing \(missing), extra \(extra)
          """)
        matched += expected.count
      }
      #expect(matched > Self.rounds * 20, "most filters should let something pass")
    }
  }

  private static func order(_ random: inout SeededRandom) -> (text: String, sql: String) {
    var columns = sortable
    var text: [String] = []
    var sql = ""
    for _ in 0..<random.number(0...3) {
      let column = columns.remove(at: random.number(0...(columns.count - 1)))
      let direction = random.pick(["", ".asc", ".desc"])
      let nulls = random.pick(["", ".nullsfirst", ".nullslast"])
      text.append(column + direction + nulls)
      sql += "\(column) \(direction.dropFirst()) "
      sql += nulls.isEmpty ? "" : "NULLS \(nulls.dropFirst(6))"
      sql += ", "
    }
    return (text.joined(separator: ","), sql)
  }

  @Test func copiesOfRowsWithoutAKeyAreSharedOutOverPages() async throws {
    try await serve { service, postgres in
      for (order, sql) in [
        ("", "n, t, d, b"), ("&order=d.desc", "d DESC, n, t, b"), ("&order=b,t", "b, t, n, d"),
      ] {
        let expected = try postgres.execute(
          "SELECT to_json(shown)::text FROM (SELECT n, t, d, b FROM things ORDER BY \(sql)) shown"
        ).compactMap { $0[0] }
        for limit in [1, 3, 64, 1000] {
          let served = try pages(service, "/v1/views/some_columns/rows?limit=\(limit)\(order)")
          #expect(served == expected, "limit \(limit)\(order)")
        }
      }
    }
  }

  @Test func manyCopiesOfARowComeInPagesOfTheLimit() async throws {
    let database = try TestCluster.database(
      """
      CREATE TABLE copied (x int);
      INSERT INTO copied SELECT 7 FROM generate_series(1, 100000);
      INSERT INTO copied VALUES (8);
      CREATE VIEW copies AS SELECT x FROM copied;
      """)
    try await TestService.run(database.prepared(["copies"])) { service in
      let page = try service.client.get("/v1/views/copies/rows?limit=10000")
      #expect(JSONRows.split(page.body).count == 10_000)
      #expect(page.body.utf8.count < 100_000 + 200)
      let next = page.body.split(separator: "\"next\":\"").last?.dropLast(2) ?? ""
      let second = try service.client.get("/v1/views/copies/rows?limit=5&cursor=\(next)")
      #expect(JSONRows.split(second.body) == Array(repeating: #"{"x":7}"#, count: 5))
      // When copies go meanwhile, what was given is taken off what is left.
      let connection = try database.connect()
      try connection.execute(
        "DELETE FROM copied WHERE ctid IN (SELECT ctid FROM copied WHERE x = 7 LIMIT 89998)")
      let lsn = try connection.execute("SELECT onhand.position()")[0][0] ?? ""
      let rest = try service.client.get(
        "/v1/views/copies/rows?limit=5&cursor=\(next)&min_position=\(lsn)&wait=30s")
      #expect(
        JSONRows.split(rest.body) == [#"{"x":7}"#, #"{"x":7}"#, #"{"x":8}"#],
        "\(rest.body.prefix(300))")
    }
  }

  @Test func selectedColumnsAreRenamedAndBigNumbersQuoted() async throws {
    try await serve { service, postgres in
      let expected = try postgres.execute(
        """
        SELECT to_json(shown)::text FROM (SELECT t AS "a b", id, id AS again, big FROM things ORDER BY id) shown
        """
      ).compactMap { $0[0] }
      let select = "\"a b\":t,id,again:id,big".percentEncoded
      #expect(try pages(service, "/v1/views/all_things/rows?limit=99&select=\(select)") == expected)
      let quoted = try postgres.execute(
        """
        SELECT to_json(shown)::text FROM (SELECT id, big::text, d::text FROM things ORDER BY id) shown
        """
      ).compactMap { $0[0] }
      #expect(
        try pages(service, "/v1/views/all_things/rows?bigint=string&select=id,big,d") == quoted)
    }
  }
}

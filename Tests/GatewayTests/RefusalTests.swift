import Capture
import Catalog
import Engine
import Gateway
import Testing

/// What can't be kept live is refused by view and construct, before anything is served.
@Suite(.serialized)
struct RefusalTests {
  private static let tables = """
    CREATE TABLE a (id int PRIMARY KEY, n int, t text, d date, r int[]);
    CREATE TABLE b (id int PRIMARY KEY, a_id int);
    CREATE UNLOGGED TABLE u (id int PRIMARY KEY);
    CREATE TABLE f (id int PRIMARY KEY, x float8);
    CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    """

  @Test(arguments: [
    ("SELECT a.id, row_number() OVER (ORDER BY id) AS k FROM a", "window functions"),
    ("SELECT id FROM a WHERE d < CURRENT_DATE", "CURRENT_DATE"),
    ("SELECT id, now() AS at FROM a", "function now()"),
    ("SELECT id FROM a ORDER BY id LIMIT 3", "LIMIT"),
    ("SELECT id FROM a WHERE id IN (SELECT a_id FROM b)", "a subquery in an expression"),
    (
      "WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x) SELECT i FROM x",
      "WITH RECURSIVE"
    ),
    ("SELECT DISTINCT ON (n) n, id FROM a", "DISTINCT ON"),
    ("SELECT n, count(*) FROM a GROUP BY ROLLUP (n)", "GROUPING SETS"),
    ("SELECT string_agg(t, ',') AS s FROM a", "aggregate string_agg(text, text)"),
    ("SELECT sum(x) AS s FROM f", "aggregate sum(float8)"),
    ("SELECT id, mine(n) AS m FROM a", "function mine"),
    ("SELECT id, r FROM a", "column public.a.r of type integer[]"),
    ("SELECT id FROM u", "unlogged"),
    ("SELECT generate_series(1, 3) AS g", "set-returning"),
    ("SELECT 1 AS one", "a SELECT without FROM"),
    ("SELECT id FROM a INTERSECT SELECT id FROM b", "INTERSECT"),
    ("SELECT id, a AS whole FROM a", "whole row"),
    ("SELECT relname FROM pg_class", "system catalog"),
  ])
  func unsupportedConstructIsNamed(query: String, construct: String) throws {
    let database = try TestCluster.database(Self.tables + "CREATE VIEW v AS \(query);")
    let configuration = CaptureConfiguration(
      conninfo: database.conninfo, views: [CaptureConfiguration.View(name: "v")])
    let refusal = try #require(throws: Refusal.self) { try CompiledViews.check(configuration) }
    #expect(refusal.description.contains(construct), "\(refusal)")
    #expect(!refusal.advice.isEmpty)
  }

  @Test func missingPreparationIsNamedWithItsRemedy() throws {
    let database = try TestCluster.database(
      Self.tables + "CREATE VIEW v AS SELECT n, count(*) AS c FROM a GROUP BY n;")
    var configuration = CaptureConfiguration(
      conninfo: database.conninfo, views: [CaptureConfiguration.View(name: "v")])
    let unpublished = try #require(throws: Refusal.self) { try CompiledViews.check(configuration) }
    #expect(unpublished.construct == "it does not exist")
    #expect(unpublished.advice.contains("onhand init"))
    configuration.views = [CaptureConfiguration.View(name: "absent")]
    let absent = try #require(throws: Refusal.self) { try CompiledViews.check(configuration) }
    #expect(absent.subject == "absent")
  }

  @Test func initMayBeRepeatedAndFollowsTheViews() throws {
    let database = try TestCluster.database(
      Self.tables + """
        CREATE TABLE facts (a_id int, n int);
        CREATE VIEW v AS SELECT n, count(*) AS c FROM a GROUP BY n;
        CREATE VIEW w AS SELECT sum(n) AS s FROM facts;
        """)
    var configuration = CaptureConfiguration(
      conninfo: database.conninfo, views: [CaptureConfiguration.View(name: "v")])
    let first = try Initializer(configuration).statements()
    #expect(first.contains { $0.hasPrefix("CREATE PUBLICATION") })
    try Initializer(configuration).run(first)
    #expect(try Initializer(configuration).statements().isEmpty)
    configuration.views.append(CaptureConfiguration.View(name: "w"))
    let more = try Initializer(configuration).statements()
    #expect(
      more == [
        #"ALTER TABLE "public"."facts" REPLICA IDENTITY FULL"#,
        #"ALTER PUBLICATION "onhand" ADD TABLE "public"."facts""#,
      ])
    try Initializer(configuration).run(more)
    try CompiledViews.check(configuration)
  }
}

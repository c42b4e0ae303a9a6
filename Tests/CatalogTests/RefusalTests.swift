import Testing

@testable import Catalog

/// What can't be kept live is refused by the view's name, the construct, and with advice.
@Suite struct RefusalTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let view: String
    let construct: String
    var subject: String?
    var testDescription: String { view }

    init(_ view: String, _ construct: String, about subject: String? = nil) {
      self.view = view
      self.construct = construct
      self.subject = subject
    }
  }

  static let cases = [
    Case("refuse_limit", "LIMIT"), Case("refuse_window", "window functions"),
    Case("refuse_now", "now"),
    Case("refuse_today", "CURRENT_DATE"), Case("refuse_random", "random"),
    Case("refuse_sublink", "subquery in an expression"),
    Case("refuse_recursive", "WITH RECURSIVE"), Case("refuse_distinct_on", "DISTINCT ON"),
    Case("refuse_except", "EXCEPT"), Case("refuse_rollup", "ROLLUP"),
    Case("refuse_function", "double_it"), Case("refuse_aggregate", "string_agg"),
    Case("refuse_lateral", "LATERAL"), Case("refuse_set", "set-returning"),
    Case("refuse_values", "VALUES"), Case("refuse_from", "without FROM"),
    Case("refuse_type", "spans.during"), Case("text_order", "order of text"),
    Case("refuse_keyless", "no replica identity", about: "public.keyless"),
    Case("refuse_unlogged", "unlogged", about: "public.scratch"),
    Case("refuse_partitioned", "no partitions", about: "public.parts"),
    Case("refuse_catalog", "system catalog", about: "pg_catalog.pg_class"),
    Case("products", "it is a table"), Case("refuse_loop", "it reads itself"),
  ]

  private func refusal(_ view: String, major: Int) throws -> Refusal? {
    do {
      _ = try CatalogFixture(major: major).compile([view])
      return nil
    } catch let refusal as Refusal { return refusal }
  }

  @Test(arguments: cases, CatalogFixture.majors)
  func viewAndConstructAreNamed(_ refused: Case, _ major: Int) throws {
    let refusal = try #require(try refusal(refused.view, major: major), "it was compiled")
    #expect(refusal.subject == refused.subject ?? "public.\(refused.view)")
    #expect(refusal.construct.contains(refused.construct), "\(refusal)")
    #expect(!refusal.advice.isEmpty)
  }

  @Test func anOrderOfTextByBytesIsKept() throws {
    let fixture = try CatalogFixture(major: 15)
    let plan = try fixture.compile(["text_order"]) { $0.byteOrderedCollations = [100] }
    #expect(plan.views.count == 1)
  }

  @Test func aNondeterministicCollationIsRefused() throws {
    let fixture = try CatalogFixture(major: 15)
    let error = #expect(throws: Refusal.self) {
      try fixture.compile(["plain"]) { $0.nondeterministicCollations = [100] }
    }
    #expect(error?.construct.contains("nondeterministic") == true)
  }

  @Test func rowSecurityIsRefusedByTheTable() throws {
    let fixture = try CatalogFixture(major: 15)
    let table = try fixture.oid("products")
    let error = #expect(throws: Refusal.self) {
      try fixture.compile(["plain"]) { $0.relations[table]?.bindsRowSecurity = true }
    }
    #expect(error?.subject == "public.products")
  }

  @Test func whatIsNotInTheCatalogIsRefused() throws {
    let fixture = try CatalogFixture(major: 15)
    let table = try fixture.oid("products")
    let missing = #expect(throws: Refusal.self) {
      try fixture.compile(["plain"]) { $0.relations[table] = nil }
    }
    #expect(missing?.subject == "public.plain")
    #expect(throws: Refusal.self) { try fixture.compile(["plain"]) { $0.functions = [:] } }
  }
}

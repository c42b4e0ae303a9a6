import Testing

@testable import Engine

/// What filters are checked for; what they mean is compared with Postgres in GatewayTests.
struct FilterBinderTests {
  private let columns = [
    Plan.View.Column(name: "n", type: .int4, typeName: "integer"),
    Plan.View.Column(name: "d", type: .numeric, typeName: "numeric"),
    Plan.View.Column(
      name: "t", type: .text, typeName: "text",
      ordering: ColumnOrdering(isByBytes: true, hasASCIICaseOnly: true)),
    Plan.View.Column(name: "l", type: .text, typeName: "text"),
    Plan.View.Column(name: "b", type: .bool, typeName: "boolean"),
    Plan.View.Column(
      name: "e", type: .enumeration, typeName: "mood",
      ordering: ColumnOrdering(isByBytes: false, hasASCIICaseOnly: false, labels: ["low", "high"])),
    Plan.View.Column(name: "j", type: .jsonb, typeName: "jsonb"),
    Plan.View.Column(name: "u", type: .uuid, typeName: "uuid"),
    Plan.View.Column(name: "at", type: .timestamptz, typeName: "timestamp with time zone"),
  ]

  private func fault(_ name: String, _ value: String) -> QueryFault? {
    var parser = FilterParser()
    do throws(QueryFault) {
      _ = try FilterBinder(columns).bind(try parser.parse(name: name, value: value))
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    ("n", "eq.x"), ("n", "eq.1.0"), ("n", "lt.3000000000"), ("n", "in.(1,x)"), ("n", "eq.null"),
    ("d", "eq.1e1001"), ("d", "eq.1e-16383"), ("d", "eq.0x10"), ("b", "eq.maybe"),
    ("u", "eq.12"), ("at", "gt.yesterday"), ("at", "gt.2026-13-01"), ("e", "eq.medium"),
    ("e", "lt.medium"), ("e", "in.(low,medium)"),
  ])
  func operandsMustBeOfTheColumnsType(name: String, value: String) throws {
    guard case .notOfType(_, let column, _) = try #require(fault(name, value)) else {
      Issue.record("another fault for \(name)=\(value)")
      return
    }
    #expect(column == name)
  }

  @Test(arguments: [
    ("l", "lt.a", QueryFault.orderUnknown(column: "l")), ("l", "gte.a", .orderUnknown(column: "l")),
    ("x", "eq.1", .unknownColumn("x")),
    (
      "n", "like.1*",
      .operatorNotForType(column: "n", typeName: "integer", allowed: "like and ilike on text")
    ),
    (
      "e", "ilike.l*",
      .operatorNotForType(column: "e", typeName: "mood", allowed: "like and ilike on text")
    ),
    ("n", "is.true", .operatorNotForType(column: "n", typeName: "integer", allowed: "is.null")),
    ("j", "eq.1", .operatorNotForType(column: "j", typeName: "jsonb", allowed: "is")),
    ("j", "in.(1)", .operatorNotForType(column: "j", typeName: "jsonb", allowed: "is")),
    ("t", "like.a\\", .patternEndsInEscape),
    ("t", "like." + String(repeating: "a", count: 257), .patternTooLong),
  ])
  func whatAColumnDoesNotTakeIsRefused(name: String, value: String, expected: QueryFault) {
    #expect(fault(name, value) == expected)
  }

  @Test(arguments: [
    ("n", "eq. 7 "), ("l", "eq.a"), ("l", "in.(a,b)"), ("l", "ilike.A*"), ("t", "lt.b"),
    ("t", "like.a\\\\"), ("j", "is.null"), ("e", "lt.high"), ("b", "is.unknown"), ("n", "in.()"),
    ("at", "gt.2026-01-01T00:00:00Z"), ("d", "gt.-Infinity"), ("b", "lt.true"),
  ])
  func whatAColumnTakesIsBound(name: String, value: String) {
    #expect(fault(name, value) == nil)
  }
}

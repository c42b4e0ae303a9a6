import TestSupport
import Testing

@testable import Engine

struct FilterParserTests {
  private func parse(_ name: String, _ value: String) throws(QueryFault) -> Filter {
    var parser = FilterParser()
    return try parser.parse(name: name, value: value)
  }

  private func fault(_ name: String, _ value: String) -> QueryFault? {
    do throws(QueryFault) {
      _ = try parse(name, value)
      return nil
    } catch {
      return error
    }
  }

  // MARK: What is taken

  @Test(arguments: [
    ("eq.5", Filter.Test.compare(.equal, "5")), ("neq.", .compare(.notEqual, "")),
    ("lt.a,b)", .compare(.less, "a,b)")), ("lte.\"x\"", .compare(.lessOrEqual, "\"x\"")),
    ("gt.1.5", .compare(.greater, "1.5")), ("gte.not.eq.1", .compare(.greaterOrEqual, "not.eq.1")),
    ("in.()", .among([])), ("in.(1)", .among(["1"])), ("in.(1, 2,)", .among(["1", "2", ""])),
    (#"in.("a,b","c\"d\\","")"#, .among(["a,b", #"c"d\"#, ""])), ("is.null", .isNull),
    ("is.true", .isBool(true)), ("is.false", .isBool(false)), ("is.unknown", .isUnknown),
    ("like.*a%", .like("*a%", ignoringCase: false)),
    ("ilike.ü_", .like("ü_", ignoringCase: true)),
  ])
  func operatorsAreRead(value: String, test: Filter.Test) throws {
    #expect(try parse("c", value) == .test(column: "c", test))
    #expect(try parse("c", "not." + value) == .not(.test(column: "c", test)))
    // Alone in a group the value must not end it, so only what has no comma or parenthesis is the same.
    if !value.contains(where: { ",)\"".contains($0) }) {
      #expect(try parse("and", "(c.\(value))") == .all([.test(column: "c", test)]))
    }
  }

  @Test func groupsNest() throws {
    let filter = try parse(
      "or", #"(a.eq.1, not.and(b.gt.2,"c.d".is.null),e.not.in.(x,"y)"),and(f.eq."g,h"))"#)
    #expect(
      filter
        == .any([
          .test(column: "a", .compare(.equal, "1")),
          .not(
            .all([.test(column: "b", .compare(.greater, "2")), .test(column: "c.d", .isNull)])),
          .not(.test(column: "e", .among(["x", "y)"]))),
          .all([.test(column: "f", .compare(.equal, "g,h"))]),
        ]))
    #expect(try parse("not.and", "(a.is.null)") == .not(.all([.test(column: "a", .isNull)])))
    #expect(try parse("not.or", "(a.is.null)") == .not(.any([.test(column: "a", .isNull)])))
  }

  @Test func columnsCalledLikeWordsCanBeNamed() throws {
    let isNull = Filter.Test.isNull
    #expect(try parse("\"or\"", "is.null") == .test(column: "or", isNull))
    #expect(try parse("\"a\\\"b\"", "is.null") == .test(column: "a\"b", isNull))
    #expect(try parse("a.b", "is.null") == .test(column: "a.b", isNull))
    #expect(
      try parse("and", "(or.is.null,and.eq.1,not.is.null)")
        == .all([
          .test(column: "or", isNull), .test(column: "and", .compare(.equal, "1")),
          .test(column: "not", isNull),
        ]))
  }

  // MARK: What is refused

  @Test(arguments: [
    ("c", "", QueryFault.operatorMissing), ("c", "5", .operatorMissing),
    ("c", "eq", .operatorMissing), ("c", "not.5", .operatorMissing),
    ("c", "like.", nil), ("c", "equals.5", .unknownOperator("equals")),
    ("c", "EQ.5", .unknownOperator("EQ")), ("c", "not.not.eq.5", .unknownOperator("not")),
    ("c", "is.nothing", .isOperandUnknown("nothing")), ("c", "is.", .isOperandUnknown("")),
    ("c", "in.1", .expected("\"(\"", offset: 3)),
    ("c", "in.(1", .expected("\",\" or \")\"", offset: 5)),
    ("c", "in.(1)x", .expected("the end", offset: 6)),
    ("c", "in.(\"a", .expected("a closing quote", offset: 6)),
    ("c", "in.(\"a\\", .expected("a closing quote", offset: 7)),
    ("c", "in.(\"a\"b)", .expected("\",\" or \")\"", offset: 7)),
    ("", "eq.1", .columnMissing), ("\"\"", "eq.1", .columnMissing),
    ("\"a\"b", "eq.1", .expected("the end of the name", offset: 3)),
    ("c", "eq.\u{0}", .containsNUL), ("c\u{0}", "eq.1", .containsNUL),
    ("or", "", .expected("\"(\"", offset: 0)), ("or", "()", .columnMissing),
    ("or", "(a)", .operatorMissing), ("or", "(a.eq.1", .expected("\",\" or \")\"", offset: 7)),
    ("or", "(a.eq.1)x", .expected("the end", offset: 8)), ("or", "(a.eq.1,)", .columnMissing),
    ("or", "(or(a.eq.1)", .expected("\",\" or \")\"", offset: 11)),
    ("and", "(a.eq.1.2)", nil),
  ])
  func malformedFiltersAreRefused(name: String, value: String, expected: QueryFault?) {
    #expect(fault(name, value) == expected)
  }

  @Test func depthConditionsAndValuesAreBounded() {
    func nested(_ depth: Int) -> String {
      String(repeating: "(or", count: depth - 1) + "(a.eq.1" + String(repeating: ")", count: depth)
    }
    #expect(fault("or", nested(FilterLimits.depthMax)) == nil)
    #expect(fault("or", nested(FilterLimits.depthMax + 1)) == .tooDeep)
    #expect(fault("or", nested(300_000)) == .tooDeep)
    let tests = { "(" + Array(repeating: "a.eq.1", count: $0).joined(separator: ",") + ")" }
    #expect(fault("or", tests(FilterLimits.testsMax)) == nil)
    #expect(fault("or", tests(FilterLimits.testsMax + 1)) == .tooManyTests)
    let values = { "in.(" + Array(repeating: "1", count: $0).joined(separator: ",") + ")" }
    #expect(fault("a", values(FilterLimits.valuesMax)) == nil)
    #expect(fault("a", values(FilterLimits.valuesMax + 1)) == .tooManyValues)
  }

  @Test func boundsHoldForAllFiltersOfARequest() {
    var parser = FilterParser()
    #expect(throws: QueryFault.tooManyTests) {
      for _ in 0...FilterLimits.testsMax { _ = try parser.parse(name: "a", value: "eq.1") }
    }
  }

  @Test func everyTruncationIsReadOrRefused() {
    let value = #"(a.eq.1,not.and(b.in.("x,y",z),"c.d".is.null),e.like.*é*)"#
    for length in 0..<value.utf8.count {
      let cut = String(decoding: value.utf8.prefix(length), as: UTF8.self)
      #expect(fault("or", cut) != nil, "\(cut)")
    }
  }

  @Test func randomTextNeverCrashes() {
    var random = SeededRandom()
    let parts = [
      "(", ")", ",", ".", "\"", "\\", "not.", "and", "or", "eq.", "in.", "is.null", "a", "1", " ",
      "é",
      "*", "", "like.", ":", "desc", "nullsfirst",
    ]
    let columns = [Plan.View.Column(name: "a", type: .int4, typeName: "integer")]
    for _ in 0..<20_000 {
      let text = (0..<random.number(0...12)).map { _ in random.pick(parts) }.joined()
      _ = fault("a", text)
      _ = fault("or", text)
      _ = fault(text, "eq.1")
      _ = try? OrderParser(columns).parse(text)
      _ = try? Selection.parse(text, columns)
    }
  }
}

import TestSupport
import Testing

@testable import Catalog

/// The parser against trees that servers printed, whole and damaged.
@Suite struct RecordedTreeTests {
  @Test(arguments: CatalogFixture.majors)
  func everyRecordedRuleIsOneSelect(_ major: Int) throws {
    for (view, rule) in try CatalogFixture(major: major).rules {
      let tree = try NodeTreeParser.parse(rule)
      #expect(tree.elements.count == 1, "\(view)")
      #expect(tree.elements.first?.tag == "QUERY", "\(view)")
      #expect(tree.elements.first?.int("commandType") == 1, "\(view)")
    }
  }

  @Test(arguments: CatalogFixture.majors)
  func cutAnywhereARuleIsRefused(_ major: Int) throws {
    let rules = try CatalogFixture(major: major).rules
    let rule = Array(try #require(rules["renamed"]).utf8)
    for length in 0..<rule.count {
      let cut = String(decoding: rule.prefix(length), as: UTF8.self)
      #expect(throws: NodeTreeParser.SyntaxError.self, "\(length) bytes") {
        try NodeTreeParser.parse(cut)
      }
    }
  }

  @Test func damagedRulesNeverCrash() throws {
    var random = SeededRandom()
    let rules = try CatalogFixture(major: 15).rules
    let texts = try ["plain", "forms", "totals"].map { Array(try #require(rules[$0]).utf8) }
    var outcomes: Set<Bool> = []
    for _ in 0..<300 {
      var text = random.pick(texts)
      for _ in 0..<random.number(1...3) {
        let at = random.number(0...text.count - 1)
        switch random.number(0...2) {
        case 0: text[at] = random.pick(Array("(){}[]:\\\"<> 0x".utf8))
        case 1: text.remove(at: at)
        default: text.removeSubrange(at..<min(text.count, at + random.number(1...200)))
        }
      }
      outcomes.insert((try? NodeTreeParser.parse(String(decoding: text, as: UTF8.self))) != nil)
    }
    #expect(outcomes == [true, false])
  }

  /// What survives parsing is compiled or refused, whatever it says.
  @Test func damagedRulesAreCompiledOrRefused() throws {
    var random = SeededRandom()
    let fixture = try CatalogFixture(major: 15)
    var refused = 0
    for round in 0..<300 {
      let view = random.pick([
        "plain", "forms", "live_stock", "kinds", "everything", "pairs", "left_of_groups",
        "left_nested", "full_using",
      ])
      var text = Array(try #require(fixture.rules[view]).utf8)
      for _ in 0..<2 {
        let digits = text.indices.filter { (48...57).contains(text[$0]) }
        text[random.pick(digits)] = UInt8(48 + random.number(0...9))
      }
      guard let rule = try? NodeTreeParser.parse(String(decoding: text, as: UTF8.self)) else {
        continue
      }
      let oid = try fixture.oid(view)
      do {
        _ = try fixture.compile([view]) { $0.relations[oid]?.rule = rule }
      } catch is Refusal { refused += 1 } catch { Issue.record("round \(round): \(error)") }
    }
    #expect((1..<300).contains(refused))
  }
}

import TestSupport
import Testing

@testable import Engine

struct NumericSumTests {
  private func n(_ text: String) throws -> Numeric {
    try #require(Numeric(text), "\(text)")
  }

  @Test func removingTheFinestValueCoarsensTheSum() throws {
    var sum = NumericSum()
    sum.add(try n("1.5"))
    sum.add(try n("2.25"))
    #expect(try sum.sum()?.description == "3.75")
    sum.remove(try n("2.25"))
    #expect(try sum.sum()?.description == "1.5")
    sum.remove(try n("1.5"))
    #expect(try sum.sum() == nil)
    #expect(try sum.average() == nil)
  }

  @Test func weightsCountAsRepeatedRows() throws {
    var sum = NumericSum()
    sum.add(try n("0.10"), weight: 3)
    sum.add(Numeric(1), weight: 2)
    #expect(sum.count == 5)
    #expect(try sum.sum()?.description == "2.30")
    #expect(try sum.average()?.description == "0.46000000000000000000")
  }

  @Test func aRemovalMayComeBeforeItsAddition() throws {
    var sum = NumericSum()
    sum.add(try n("1.5"))
    sum.add(try n("2.25"))
    sum.remove(try n("3.333"))
    sum.remove(try n("2.25"))
    sum.add(try n("3.333"))
    #expect(try sum.sum()?.description == "1.5")
  }

  @Test func specialValuesLeaveNoTraceWhenTheyGo() throws {
    var sum = NumericSum()
    sum.add(try n("1.5"))
    sum.add(.infinity)
    #expect(try sum.sum() == .infinity)
    sum.add(.negativeInfinity)
    #expect(try sum.sum()?.isNaN == true)
    sum.remove(.infinity)
    sum.add(.nan)
    #expect(try sum.average()?.isNaN == true)
    sum.remove(.nan)
    #expect(try sum.average() == .negativeInfinity)
    sum.remove(.negativeInfinity)
    #expect(try sum.sum()?.description == "1.5")
  }

  /// The counts of scale 2 cancel while the amounts do not, just as the finest value leaves.
  @Test func countsThatCancelDoNotHoldTheScaleUp() throws {
    var sum = NumericSum()
    for (text, weight) in [("0.5", 1), ("1.11", 1), ("2.22", -1), ("3.3333", 1), ("3.3333", -1)] {
      sum.add(try n(text), weight: weight)
    }
    for (text, weight) in [("2.22", 1), ("1.11", -1)] { sum.add(try n(text), weight: weight) }
    #expect(try sum.sum()?.description == "0.5")
  }

  /// Beside the sum stands the dumb one: all rows, added anew each time.
  @Test func anyOrderOfChangesEqualsAFreshSum() throws {
    var random = SeededRandom()
    for _ in 0..<2000 {
      var rows = (0..<8).map { _ in random.numericText() }
      var deltas = rows.map { ($0, 1) }
      for gone in [random.numericText(), random.numericText()] {
        deltas += [(gone, 2), (gone, -2)]
      }
      deltas.append((rows.removeLast(), -1))
      var incremental = NumericSum()
      var merged = NumericSum()
      for (text, weight) in deltas.shuffled(using: &random) {
        incremental.add(try n(text), weight: weight)
        var single = NumericSum()
        single.add(try n(text))
        merged.add(single, weight: weight)
      }
      var fresh = NumericSum()
      for row in rows { fresh.add(try n(row)) }
      #expect(try incremental.sum()?.description == fresh.sum()?.description, "\(deltas) \(rows)")
      #expect(try merged.sum()?.description == fresh.sum()?.description)
      #expect(try incremental.average()?.description == fresh.average()?.description)
    }
  }
}

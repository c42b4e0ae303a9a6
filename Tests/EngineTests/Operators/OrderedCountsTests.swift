import TestSupport
import Testing

@testable import Engine

@Suite struct OrderedCountsTests {
  private func compare(values: Int, rounds: Int, weights: ClosedRange<Int>) {
    var random = SeededRandom()
    var counts = OrderedCounts<Int64>()
    var expected: [Int64: Int] = [:]
    var distinctMax = 0
    for round in 0..<rounds {
      let value = Int64(random.number(0...values - 1))
      // Values leave again in the second half, often to the very last.
      let leaves = round > rounds / 2 && !random.oneIn(8)
      let weight = leaves ? -(expected[value] ?? 0) : random.number(weights)
      guard weight != 0 else { continue }
      counts.add(value, weight)
      let total = expected[value, default: 0] + weight
      expected[value] = total == 0 ? nil : total
      distinctMax = max(distinctMax, expected.count)
      #expect(counts.distinctCount == expected.count, "round \(round)")
      if round % 16 == 0 || expected.count < 3 {
        let sorted = expected.keys.sorted()
        #expect(counts.first == sorted.first, "round \(round)")
        #expect(counts.last == sorted.last, "round \(round)")
      }
    }
    #expect(distinctMax > values / 4, "too few values for the test to mean much")
  }

  @Test func itCountsAsASortedDictionaryDoes() {
    compare(values: 2_000, rounds: 12_000, weights: 1...3)
  }

  @Test func countsMayPassThroughNegativeValues() {
    compare(values: 1_500, rounds: 9_000, weights: -2...2)
  }

  @Test func fewValuesComeAndGo() { compare(values: 4, rounds: 5_000, weights: -2...2) }

  private struct Spelled: SpelledValue, Hashable {
    let value: Int
    let spelling: Int

    func hasSameValue(as other: Spelled) -> Bool { value == other.value }

    static func < (a: Spelled, b: Spelled) -> Bool {
      (a.value, a.spelling) < (b.value, b.spelling)
    }
  }

  @Test(arguments: [1, 4, 3_000])
  func spellingsAreOneValueAndWhatIsShownIsThere(_ values: Int) {
    var random = SeededRandom()
    var counts = OrderedCounts<Spelled>()
    var present: [Spelled] = []
    for round in 0..<6_000 {
      let isLeaving = round > 3_000 ? !random.oneIn(4) : random.oneIn(4)
      if isLeaving, !present.isEmpty {
        let gone = present.remove(at: random.number(0...present.count - 1))
        counts.add(gone, -1)
      } else {
        let value = Spelled(
          value: random.number(0...values - 1), spelling: random.number(0...3))
        present.append(value)
        counts.add(value, 1)
      }
      if round % 16 == 0 || present.count < 5 {
        #expect(counts.distinctCount == Set(present.map(\.value)).count, "round \(round)")
        #expect(counts.first == present.min(), "round \(round)")
        #expect(counts.last == present.max(), "round \(round)")
      }
    }
  }

  @Test func ascendingAndDescendingValuesKeepTheirOrder() {
    for values: [Int64] in [Array(0..<3_000), (0..<3_000).reversed()] {
      var counts = OrderedCounts<Int64>()
      for value in values { counts.add(value, 1) }
      #expect((counts.first, counts.last, counts.distinctCount) == (0, 2_999, 3_000))
      for value in values.dropLast() {
        counts.add(value, -1)
        #expect(counts.first != value && counts.last != value)
      }
      #expect(counts.first == values.last && counts.last == values.last)
      counts.add(values[2_999], -1)
      #expect(counts.first == nil && counts.distinctCount == 0)
    }
  }
}

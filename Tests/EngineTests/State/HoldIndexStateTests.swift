import TestSupport
import Testing

@testable import Engine

@Suite struct HoldIndexStateTests {
  private static func row(_ random: inout SeededRandom) -> HoldRow {
    HoldRow(
      id: HoldID(high: 1, low: UInt64(random.number(0...40))),
      status: random.pick(HoldStatus.allCases), instance: HoldID(high: 0, low: 1),
      supersededBy: random.oneIn(5) ? HoldID(high: 2, low: 2) : nil,
      caller: random.pick(["shop", "café", ""]),
      reference: random.oneIn(3) ? nil : "r\(random.number(0...20))",
      idempotencyKey: random.oneIn(3) ? nil : "k\(random.number(0...20))",
      units: Int64(random.number(1...1_000_000_000)))
  }

  /// What can be asked of an index.
  private static func answers(_ index: HoldIndex) -> [String] {
    ["shop", "café", "", "nobody"].flatMap { caller in
      ["\(index.usage(of: caller))"]
        + (0...20).map { number in
          "\(String(describing: index.hold(caller: caller, idempotencyKey: "k\(number)"))) "
            + "\(String(describing: index.hold(caller: caller, reference: "r\(number)")))"
        }
    }
  }

  @Test func aRestoredIndexGoesOnTheSame() throws {
    var random = SeededRandom()
    for round in 0..<40 {
      var index = HoldIndex(hasher: RowHasher(seed: random.next()))
      var rows: [HoldRow] = []
      for _ in 0..<random.number(0...60) {
        if !rows.isEmpty, random.oneIn(3) {
          index.remove(rows.remove(at: random.number(0...rows.count - 1)))
        } else {
          rows.append(Self.row(&random))
          index.add(rows[rows.count - 1])
        }
      }
      let bytes = try StateTrial.write { try index.writeState(to: &$0) }
      var restored = index.emptied
      try StateTrial.read(bytes) { restored = try HoldIndex(from: &$0) }
      try #require(Self.answers(restored) == Self.answers(index), "round \(round)")
      while let row = rows.popLast() {
        index.remove(row)
        restored.remove(row)
        let added = Self.row(&random)
        index.add(added)
        restored.add(added)
        try #require(Self.answers(restored) == Self.answers(index), "round \(round)")
      }
      for count in bytes.indices {
        #expect(throws: StateFault.self) {
          try StateTrial.read(Array(bytes[..<count])) { _ = try HoldIndex(from: &$0) }
        }
      }
    }
  }
}

import TestSupport
import Testing

@testable import Engine

@Suite struct RowTableTests {
  private func withRow<Result>(_ key: [UInt8], _ body: (RowRef) -> Result) -> Result {
    key.withUnsafeBytes { raw in
      var empty: UInt8 = 0
      return withUnsafeBytes(of: &empty) { none in
        body(RowRef(base: raw.baseAddress ?? none.baseAddress!, count: raw.count))
      }
    }
  }

  private func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

  /// Inserts, finds and removes beside a dictionary; sizes swing so that the table grows and shrinks.
  private func compare(rounds: Int, keys: Int, hash: (RowRef) -> UInt64) {
    var random = SeededRandom()
    var table = RowTable(payloadBytes: 8)
    var expected: [Int: Int] = [:]
    for round in 0..<rounds {
      // Waves of growth, then of removal.
      let grows = round / (2 * keys) % 2 == 0
      let number = random.number(0...keys - 1)
      withRow(key(number)) { row in
        if random.oneIn(3) {
          let found = table.find(row, hash: hash(row)).map { $0.payload.load(as: Int.self) }
          #expect(found == expected[number], "round \(round)")
        } else if grows != random.oneIn(5) {
          var inserted = false
          let record = table.findOrInsert(row, hash: hash(row), inserted: &inserted)
          #expect(inserted == (expected[number] == nil), "round \(round)")
          if inserted { #expect(record.payload.load(as: Int.self) == 0, "round \(round)") }
          record.payload.storeBytes(of: round, as: Int.self)
          expected[number] = round
        } else if let record = table.find(row, hash: hash(row)) {
          table.remove(record)
          #expect(expected.removeValue(forKey: number) != nil, "round \(round)")
        }
      }
      #expect(table.count == expected.count, "round \(round)")
    }
    var contents: [[UInt8]: Int] = [:]
    table.forEachRecord { contents[Array($0.key.bytes)] = $0.payload.load(as: Int.self) }
    #expect(contents == Dictionary(uniqueKeysWithValues: expected.map { (key($0), $1) }))
  }

  @Test func itHoldsWhatADictionaryHolds() {
    let hasher = RowHasher(seed: 42)
    compare(rounds: 30_000, keys: 3_000) { hasher.hash($0) }
  }

  @Test func itHoldsWhatADictionaryHoldsWhenAllKeysCollide() {
    compare(rounds: 4_000, keys: 60) { _ in 7 }
  }

  /// Homes at the end of the table, so that runs wrap around it.
  @Test func runsMayWrapAroundTheEnd() {
    compare(rounds: 3_000, keys: 100) { UInt64.max - UInt64($0.bytes.last ?? 0) % 3 }
  }

  @Test func recordsStayWhereTheyAreWhileTheTableGrows() {
    let hasher = RowHasher(seed: 3)
    var table = RowTable(payloadBytes: 16)
    var inserted = false
    let first = withRow(key(0)) {
      table.findOrInsert($0, hash: hasher.hash($0), inserted: &inserted)
    }
    for number in 1...5_000 {
      _ = withRow(key(number)) {
        table.findOrInsert($0, hash: hasher.hash($0), inserted: &inserted)
      }
    }
    let found = withRow(key(0)) { table.find($0, hash: hasher.hash($0)) }
    #expect(found == first)
  }

  @Test func anEmptiedTableTakesRowsAgain() {
    let hasher = RowHasher(seed: 3)
    var table = RowTable(payloadBytes: 8)
    var inserted = false
    for count in [5, 5_000] {
      for number in 0..<count {
        _ = withRow(key(number)) {
          table.findOrInsert($0, hash: hasher.hash($0), inserted: &inserted)
        }
        #expect(inserted)
      }
      table.removeAll()
      #expect(table.count == 0)
      let found = withRow(key(1)) { table.find($0, hash: hasher.hash($0)) }
      #expect(found == nil)
    }
  }

  @Test func hashesDependOnEveryByteAndTheSeed() {
    let hasher = RowHasher(seed: 99)
    var seen: Set<UInt64> = []
    var count = 0
    for length in 0...40 {
      for flipped in 0...length {
        var bytes = [UInt8](repeating: 0, count: length)
        if flipped < length { bytes[flipped] = 1 }
        seen.insert(withRow(bytes) { hasher.hash($0) })
        count += 1
      }
    }
    #expect(seen.count == count)
    let other = RowHasher(seed: 101)
    #expect(withRow([1, 2]) { hasher.hash($0) != other.hash($0) })
  }
}

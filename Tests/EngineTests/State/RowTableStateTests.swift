import TestSupport
import Testing

@testable import Engine

@Suite struct RowTableStateTests {
  /// Keys in the order of cells, as whoever goes through a table meets them.
  private static func keys(_ table: borrowing RowTable) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    table.forEachRecord { keys.append(Array($0.key.bytes)) }
    return keys
  }

  @Test func recordsComeToLieAsTheyLay() throws {
    var random = SeededRandom()
    for round in 0..<200 {
      // Few hashes, so that runs of neighbours are long and go over the end.
      let hasher = RowHasher(seed: random.next())
      var table = RowTable(payloadBytes: 8)
      var present: [[UInt8]] = []
      for _ in 0..<random.number(0...random.pick([4, 60, 3000])) {
        if !present.isEmpty, random.oneIn(3) {
          let key = present.remove(at: random.number(0...present.count - 1))
          key.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let row = RowRef(base: base, count: bytes.count)
            if let record = table.find(row, hash: hasher.hash(row)) { table.remove(record) }
          }
        } else {
          let key = (0..<random.number(1...20)).map { _ in UInt8(random.number(0...255)) }
          var inserted = false
          key.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let row = RowRef(base: base, count: bytes.count)
            _ = table.findOrInsert(row, hash: hasher.hash(row), inserted: &inserted)
          }
          if inserted { present.append(key) }
        }
      }
      if random.oneIn(20) { table.removeAll() }
      let bytes = try Self.write(table)
      var restored = RowTable(payloadBytes: 8)
      try StateTrial.read(bytes, blocks: [random.number(1...5), 1, 64]) { reader in
        let count = try restored.restoreSize(from: &reader, bytesEach: 5)
        for _ in 0..<count {
          _ = try restored.restoreRecord(from: &reader, hasher) { _ in true }
        }
      }
      try #require(Self.keys(restored) == Self.keys(table), "round \(round)")
      try #require(restored.mask == table.mask, "round \(round)")
      var cells: [Bool] = []
      table.forEachRecord { record in
        let number = table.cellNumber(of: record)
        cells.append(restored.record(inCell: number).map { $0.key == record.key } ?? false)
      }
      try #require(!cells.contains(false), "round \(round)")
      #expect(restored.record(inCell: UInt32(table.mask + 1)) == nil)
    }
  }

  private static func write(_ table: borrowing RowTable) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = StateWriter { bytes.append(contentsOf: $0) }
    try table.writeSize(to: &writer)
    try table.forEachInPlaceOrder { try writer.append(sized: $0.key.bytes) }
    try writer.finish()
    return bytes
  }
}

import TestSupport
import Testing

@testable import Engine

/// A step's deltas beside a plain consolidation.
@Suite struct DeltaPairingTests {
  private let layout = RowLayout([.int8, .numeric, .text])

  private struct Entry: Hashable {
    let id: Int64
    let text: String
  }

  private func append(_ entry: Entry, weight: Int, to batch: RowBatch) {
    batch.beginRow(layout)
    batch.set(layout.slots[0], .word(entry.id))
    Array(entry.text.utf8).withUnsafeBytes { batch.set(layout.slots[2], .bytes($0)) }
    batch.endRow(weight: weight)
  }

  private func entry(_ row: RowRef) -> Entry? {
    guard case .word(let id) = row.datum(layout.slots[0]),
      case .text(let text) = Cell(row.datum(layout.slots[2]), .text)
    else { return nil }
    return Entry(id: id, text: text)
  }

  /// Reused from step to step, as a sink does.
  @Test func deltasAreTheNetChangeWithEachIdentityPaired() throws {
    var random = SeededRandom()
    let pairing = DeltaPairing(columns: [0], layout: layout, hasher: RowHasher(seed: 5))
    for round in 0..<400 {
      var net: [Entry: Int] = [:]
      for _ in 0..<random.pick([0, 1, 2, 3, 8, 40, 700]) {
        let entry = Entry(id: Int64(random.number(0...30)), text: random.pick(["a", "b", "c"]))
        let weight = random.pick([-2, -1, -1, 1, 1, 1, 2])
        append(entry, weight: weight, to: pairing.rows)
        net[entry, default: 0] += weight
      }
      pairing.pair()
      var told: [Entry: Int] = [:]
      for delta in pairing.deltas {
        let old = delta.old < 0 ? nil : entry(pairing.rows.row(delta.old))
        let new = delta.new < 0 ? nil : entry(pairing.rows.row(delta.new))
        try #require(old != nil || new != nil)
        if let old { told[old, default: 0] -= delta.copies }
        if let new { told[new, default: 0] += delta.copies }
        if let old, let new {
          #expect(old.id == new.id && old != new && delta.copies == 1, "round \(round)")
        }
        #expect(delta.copies > 0, "round \(round)")
      }
      #expect(told == net.filter { $0.value != 0 }, "round \(round)")
      for (id, rows) in Dictionary(grouping: net.filter { $0.value != 0 }, by: \.key.id) {
        // An update is one change, not a row that goes and one that comes.
        guard rows.map(\.value).sorted() == [-1, 1] else { continue }
        let deltas = pairing.deltas.count { delta in
          entry(pairing.rows.row(max(delta.old, delta.new)))?.id == id
        }
        #expect(deltas == 1, "round \(round), identity \(id)")
      }
      pairing.removeAll()
    }
  }

  @Test func equalNumericsAreOneIdentity() throws {
    let pairing = DeltaPairing(columns: [1], layout: layout, hasher: RowHasher(seed: 5))
    for (text, weight) in [("1.0", -1), ("1.00", 1)] {
      var encoded: [UInt8] = []
      try #require(Numeric(text)).encode(into: &encoded)
      pairing.rows.beginRow(layout)
      encoded.withUnsafeBytes { pairing.rows.set(layout.slots[1], .bytes($0)) }
      pairing.rows.endRow(weight: weight)
    }
    pairing.pair()
    #expect(pairing.deltas.count == 1)
    #expect(pairing.deltas.first.map { $0.old == 0 && $0.new == 1 } == true)
  }

  /// As a counter that one transaction increases again and again.
  @Test func manyUpdatesOfOneRowTakeLinearTime() throws {
    func time(updates: Int) -> Int {
      let pairing = DeltaPairing(columns: [0], layout: layout, hasher: RowHasher(seed: 5))
      return threadTime {
        pairing.removeAll()
        for update in 0..<updates {
          append(Entry(id: 1, text: "\(update)"), weight: -1, to: pairing.rows)
          append(Entry(id: 1, text: "\(update + 1)"), weight: 1, to: pairing.rows)
        }
        pairing.pair()
        #expect(pairing.deltas.count == 1)
      }
    }
    #expect(
      time(updates: 16_000) < time(updates: 1_000) * 64, "16 times as many take 256 times as long")
  }
}

import TestSupport
import Testing

@testable import Engine

/// Rows found by one column of their key, beside the same rows found by going through all of them.
struct KeyGroupsTests {
  @Test func aGroupIsWhatAScanFinds() {
    var random = SeededRandom()
    let table = ViewTable(
      hasher: RowHasher(seed: random.next()), keyTypes: [.int4, .text], groupedBy: 1)
    let layout = RowLayout([.int4, .text])
    let builder = CanonicalKey([.int4, .text])
    let group = CanonicalKey([.text])
    // The oldest reader still inside.
    var oldest: UInt64 = 0
    for sequence in UInt64(1)...400 {
      for _ in 0..<random.number(0...6) {
        let name = Array(random.pick(["a", "b", "", "long name of a group"]).utf8)
        name.withUnsafeBytes { bytes in
          let datums: [Datum] = [.word(Int64(random.number(0...12))), .bytes(bytes)]
          let key = builder.build { datums[$0] }
          let isPut = random.number(0...2) > 0
          table.edit(key) { slot in
            guard isPut else { return slot.remove(sequence: sequence) }
            slot.put(key, json: bytes, copies: 1, fault: nil, sequence: sequence)
          }
        }
      }
      if random.oneIn(3) { oldest = sequence }
      table.prune(oldestNeeded: oldest)
      for seen in oldest...sequence {
        for name in ["a", "b", "", "long name of a group", "absent"] {
          let bytes = Array(name.utf8)
          bytes.withUnsafeBytes { bytes in
            var scanned: [Int64] = []
            table.forEachRow(at: seen) { version in
              guard case .word(let number) = version.row.datum(layout.slots[0]),
                case .bytes(let text) = version.row.datum(layout.slots[1]),
                text.elementsEqual(bytes)
              else { return }
              scanned.append(number)
            }
            let found = table.find(group: group.build { _ in .bytes(bytes) }, at: seen) ?? []
            let numbers = found.map { version -> Int64 in
              guard case .word(let number) = version.row.datum(layout.slots[0]) else { return -1 }
              return number
            }
            #expect(numbers.sorted() == scanned.sorted(), "\(name) at \(seen) of \(sequence)")
          }
        }
      }
    }
  }
}

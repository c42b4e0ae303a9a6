import TestSupport
import Testing

@testable import Engine

/// Marks beside a plain list of them.
struct DirtyKeysTests {
  @Test func followersAreToldEachKeyOnceInTheOrderOfItsLastMark() {
    var random = SeededRandom()
    let hasher = RowHasher(seed: 3)
    for _ in 0..<200 {
      var dirty = DirtyKeys()
      var log: [(mark: UInt64, key: [UInt8], isGone: Bool)] = []
      var pruned: UInt64 = 0
      for _ in 0..<random.number(1...150) {
        let key = Array("key \(random.number(0...random.pick([1, 5, 60])))".utf8)
        let isGone = random.oneIn(3)
        key.withRow { dirty.mark($0, hash: hasher.hash($0), goneKey: isGone ? key : nil) }
        log.append((dirty.lastMark, key, isGone))
        #expect(dirty.slotCount <= max(32, 2 * dirty.count))
        if random.oneIn(10) {
          pruned = UInt64(random.number(Int(pruned)...Int(dirty.lastMark)))
          dirty.prune(upTo: pruned)
        }
        let known = UInt64(random.number(Int(pruned)...Int(dirty.lastMark)))
        var told: [[UInt8]] = []
        dirty.forEach(after: known) {
          told.append(Array($0.key.bytes))
          #expect($0.goneKey == nil || $0.goneKey == Array($0.key.bytes))
          return true
        }
        let newest = log.enumerated().filter { index, entry in
          !log[(index + 1)...].contains { $0.key == entry.key }
        }.map(\.element)
        #expect(told == newest.filter { $0.mark > known }.map(\.key))
        let gone = newest.filter { $0.isGone && $0.mark > pruned }
        #expect(dirty.goneCount == gone.count)
        let left = random.number(0...gone.count)
        let cut = dirty.mark(behindAllButGone: left)
        #expect(gone.count { $0.mark > cut } == left)
        #expect(dirty.count <= Set(log.map(\.key)).count)
      }
    }
  }

  @Test func whatEverybodyKnowsIsForgotten() {
    let hasher = RowHasher(seed: 3)
    var dirty = DirtyKeys()
    for number in 0..<100 {
      Array("\(number)".utf8).withRow { dirty.mark($0, hash: hasher.hash($0), goneKey: nil) }
    }
    dirty.prune(upTo: dirty.lastMark)
    #expect(dirty.count == 0)
    #expect(dirty.slotCount == 0)
  }
}

import HTTPCorpus
import HTTPWire
import TestSupport
import Testing

/// Requests with random damage: whatever comes of it, it is the same however the bytes arrive.
@Suite struct RequestMutationTests {
  @Test func damagedRequestsComeToTheSameInOnePieceAndInMany() {
    var random = SeededRandom()
    let texts = GoodRequest.all.map { Array($0.text.utf8) } + HostileRequest.all.map(\.bytes)
    var refused = 0
    for round in 0..<4_000 {
      let bytes = damaged(texts, &random)
      let whole = feed(bytes)
      let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
      #expect(feed(bytes, cuts: cuts) == whole, "round \(round)")
      if bytes.count < 400 {
        #expect(feedSingly(bytes) == whole, "round \(round)")
      }
      if case .refused = whole.end { refused += 1 }
    }
    // Were the damage harmless, the comparison would mean little.
    #expect(refused > 1_000)
  }

  private func damaged(_ texts: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = texts.randomElement(using: &random)!
    if Bool.random(using: &random) { bytes += texts.randomElement(using: &random)! }
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let index = Int.random(in: 0..<max(1, bytes.count), using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
      case 1: bytes.insert(Self.telling.randomElement(using: &random)!, at: index)
      case 2 where bytes.count > 1: bytes.remove(at: index)
      case 3: bytes.removeSubrange(index..<min(bytes.count, index + 5))
      default: bytes.insert(contentsOf: bytes.prefix(index).suffix(9), at: index)
      }
      if bytes.isEmpty { bytes = [0x47] }
    }
    return bytes
  }

  /// Bytes that mean something somewhere in a request.
  private static let telling = Array("\r\n\0 \t:;,?#*/0F\u{7f}".utf8)
}

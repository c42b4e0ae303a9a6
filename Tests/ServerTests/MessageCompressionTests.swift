import HTTPWire
import TestSupport
import Testing

@testable import Server

@Suite struct MessageCompressionTests {
  /// Whatever comes in whatever order, known or new: what is sent is what was to be said.
  @Test func aMessageIsReadAsItWas() throws {
    var random = SeededRandom()
    var messages = CompressedMessages()
    let inflater = RawInflate()!
    let texts = (0..<24).map { _ in text(&random) }
    var (compressedCount, plainCount) = (0, 0)
    for _ in 0..<2_000 {
      let text = random.pick(texts)
      let (windowBits, count) = (random.number(8...15), text.utf8.count)
      var message = ByteBuffer()
      message.append(text)
      var frame = ByteBuffer()
      messages.append(.text, message.view, windowBits: windowBits, to: &frame)
      let headBytes = count < 126 || frame[1] < 126 ? 2 : frame[1] == 126 ? 4 : 10
      let payload = frame.view[headBytes..<frame.count]
      guard frame[0] & 0x40 != 0 else {
        plainCount += 1
        #expect(payload.string == text)
        continue
      }
      compressedCount += 1
      #expect(windowBits > 8 && count >= 256 && payload.count < count)
      var read = ByteBuffer()
      try inflater.inflate(payload, into: &read, bytesMax: count)
      #expect(read.view.string == text)
      #expect(throws: WebSocketFault.messageTooBig) {
        var less = ByteBuffer()
        try inflater.inflate(payload, into: &less, bytesMax: count - 1)
      }
    }
    #expect(compressedCount > 200 && plainCount > 200)
  }

  @Test func aBombTakesLittleMoreMemoryThanItMay() throws {
    let inflater = RawInflate()!
    let deflater = RawDeflate(windowBits: 15)!
    var zeros = ByteBuffer()
    var bomb = ByteBuffer()
    var read = ByteBuffer()
    let block = [UInt8](repeating: 0, count: 1_000_000)
    for _ in 0..<50 { block.withUnsafeBytes { zeros.append($0) } }
    #expect(deflater.compress(zeros.view, into: &bomb))
    #expect(bomb.count < 500_000)
    #expect(throws: WebSocketFault.messageTooBig) {
      try inflater.inflate(bomb.view, into: &read, bytesMax: 65_536)
    }
    #expect(read.capacity <= 262_144)
    // The next message is read as if nothing had been.
    bomb.removeAll()
    read.removeAll()
    #expect(deflater.compress(ByteView("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), into: &bomb))
    try inflater.inflate(bomb.view, into: &read, bytesMax: 65_536)
    #expect(read.view == "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
  }

  /// Damage is refused, or comes to other bytes; nothing else happens.
  @Test func damagedDataIsReadWithoutHarm() throws {
    var random = SeededRandom()
    let inflater = RawInflate()!
    let deflater = RawDeflate(windowBits: 12)!
    var refusedCount = 0
    for _ in 0..<1_000 {
      var message = ByteBuffer()
      var compressed = ByteBuffer()
      var read = ByteBuffer()
      message.append(text(&random))
      guard deflater.compress(message.view, into: &compressed) else { continue }
      for _ in 0..<random.number(1...4) {
        let index = random.number(0...compressed.count - 1)
        compressed.mutableBytes[index] = UInt8(random.number(0...255))
      }
      do {
        try inflater.inflate(compressed.view, into: &read, bytesMax: 2_000)
        #expect(read.count <= 2_000)
      } catch {
        refusedCount += 1
      }
      #expect(read.capacity < 65_536)
    }
    #expect(refusedCount > 200)
  }

  @Test func turnsAreTakenInTheOrderOfTheirComing() {
    var random = SeededRandom()
    var queue = TurnQueue()
    var slow: [ConnectionToken] = []
    for number in 0..<20_000 {
      if random.number(0...9) < (number / 2_000 % 2 == 0 ? 6 : 4) {
        let token = ConnectionToken(slot: UInt32(number), generation: 1)
        queue.append(token)
        slow.append(token)
      } else {
        #expect(queue.popFirst() == (slow.isEmpty ? nil : slow.removeFirst()))
      }
      #expect(queue.isEmpty == slow.isEmpty)
    }
  }

  private func text(_ random: inout SeededRandom) -> String {
    let words = random.oneIn(2) ? ["stock", "item", ":", "17", ","] : ["a"]
    let count = random.number(0...random.pick([20, 400, 3_000]))
    guard !random.oneIn(4) else {
      return String(
        (0..<count).map { _ in Character(Unicode.Scalar(UInt8(random.number(32...126)))) })
    }
    return (0..<count).map { _ in random.pick(words) }.joined()
  }
}

extension ByteBuffer {
  fileprivate subscript(index: Int) -> UInt8 { view[index] }
}

import HTTPCorpus
import HTTPWire
import TestSupport
import Testing

@Suite struct MessageDecoderTests {
  @Test func aMessageIsHeardHoweverItsBytesArrive() {
    let frames = [
      ClientFrame(text: "Hel", isFinal: false), ClientFrame(9, [1, 2, 3]),
      ClientFrame(0, Array("lo".utf8)), ClientFrame(2, Array(repeating: 7, count: 70_000)),
      ClientFrame(10, []), ClientFrame(1, []), .close(1000, "bye"),
    ]
    let bytes = frames.flatMap(\.bytes)
    let limits = MessageLimits(messageBytesMax: 70_000)
    var expected = Hearing()
    expected.events = [
      .ping([1, 2, 3]), .message(Array("Hello".utf8), isText: true, isCompressed: false),
      .message(Array(repeating: 7, count: 70_000), isText: false, isCompressed: false), .pong,
      .message([], isText: true, isCompressed: false), .close(1000),
    ]
    #expect(hear(bytes, limits) == expected)
    #expect(hearSingly(bytes, limits) == expected)
  }

  /// Random conversations with random damage: heard as the slow reading hears them, in one piece and in many.
  @Test func isHeardAsTheRFCSaysWhateverIsSaid() {
    var random = SeededRandom()
    let limits = MessageLimits(messageBytesMax: 600, fragmentsMax: 4)
    var faults: Set<WebSocketFault> = []
    for round in 0..<6_000 {
      let allowsCompression = Bool.random(using: &random)
      var bytes = conversation(&random)
      if Bool.random(using: &random) { damage(&bytes, &random) }
      let slow = SlowHearing(bytes, limits, allowsCompression: allowsCompression).hearing
      let whole = hear(bytes, limits, allowsCompression: allowsCompression)
      #expect(whole == slow, "round \(round) \(bytes)")
      let cuts = (0..<3).map { _ in random.number(0...bytes.count) }.sorted()
      #expect(
        hear(bytes, cuts: cuts, limits, allowsCompression: allowsCompression) == slow,
        "round \(round) \(cuts)")
      if bytes.count < 400 {
        #expect(
          hearSingly(bytes, limits, allowsCompression: allowsCompression) == slow, "round \(round)")
      }
      if let fault = slow.fault { faults.insert(fault) }
    }
    // Corruption of compressed data shows when it is inflated, which is not done here.
    #expect(faults == Set(WebSocketFault.allCases).subtracting([.deflateInvalid]))
  }

  @Test func textIsRefusedAtTheFirstByteThatCannotBe() {
    for (text, acceptedBytes) in [
      ([0xCE, 0xBA, 0xED, 0xA0, 0x80], 3), ([0xF4, 0x90, 0x80, 0x80], 1), ([0xC0, 0xAF], 0),
      ([0x41, 0xE0, 0x80], 2), ([0xF0, 0x8F], 1), ([0xFF], 0),
    ] as [([UInt8], Int)] {
      var frame = ClientFrame(1, text + Array(repeating: 0x80, count: 100))
      frame.isFinal = false
      let start = frame.bytes.count - frame.payload.count
      #expect(hear(Array(frame.bytes.prefix(start + acceptedBytes))).fault == nil)
      #expect(hear(Array(frame.bytes.prefix(start + acceptedBytes + 1))).fault == .textInvalid)
    }
  }

  @Test func aMessageTooBigIsRefusedByItsHeaderAlone() {
    var frame = ClientFrame(2, [])
    frame.claimedBytes = 65_537
    #expect(hear(frame.bytes).fault == .messageTooBig)
    frame.claimedBytes = UInt64(Int64.max)
    #expect(hear(frame.bytes).fault == .messageTooBig)
    let fragments = [ClientFrame(2, Array(repeating: 0, count: 40_000), isFinal: false).bytes]
    var second = ClientFrame(0, [])
    second.claimedBytes = 30_000
    #expect(hear(fragments[0] + second.bytes).fault == .messageTooBig)
  }

  @Test func characterByCharacterUTF8IsWhatUnicodeSays() {
    var random = SeededRandom()
    for _ in 0..<3_000 {
      var text = Array(
        String(
          String.UnicodeScalarView(
            (0..<random.number(0...20)).map { _ in Self.scalar(&random) })
        ).utf8)
      if !text.isEmpty, random.oneIn(2) {
        text[random.number(0...text.count - 1)] = UInt8(random.number(0...255))
      }
      let (expected, mayBegin) = (SlowHearing.isText(text), SlowHearing.mayBegin(text))
      text.withUnsafeBytes { bytes in
        #expect(UTF8Check.accepts(ByteView(bytes)) == expected, "\(text)")
        var check = UTF8Check()
        let cut = random.number(0...bytes.count)
        let accepted =
          check.accept(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
          && check.accept(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
        #expect(accepted == mayBegin, "\(text)")
      }
    }
  }

  private static func scalar(_ random: inout SeededRandom) -> Unicode.Scalar {
    let ranges: [ClosedRange<Int>] = [0...0x7F, 0x80...0x7FF, 0x800...0xFFFF, 0x10000...0x10FFFF]
    return Unicode.Scalar(UInt32(random.number(random.pick(ranges)))) ?? "?"
  }

  private func conversation(_ random: inout SeededRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    var isWithin = false
    for _ in 0..<random.number(1...6) {
      var frame = self.frame(isWithin: isWithin, &random)
      if frame.opcode < 8 { isWithin = !frame.isFinal }
      if random.oneIn(12) { spoil(&frame, &random) }
      bytes += frame.bytes
    }
    return bytes
  }

  private func frame(isWithin: Bool, _ random: inout SeededRandom) -> ClientFrame {
    var payload = Array(random.pick(["", "a", "grün", "日本", "🎈!", "plain text"]).utf8)
    switch random.number(0...9) {
    case 0...2: return ClientFrame(random.pick([9, 10]), payload)
    case 3 where random.oneIn(2):
      return .close(UInt16(random.pick([999, 1000, 1001, 1005, 1015, 3000, 5000])), "tschüß")
    default: break
    }
    if random.oneIn(8) { payload = Array(repeating: 0x41, count: random.pick([126, 300, 700])) }
    var frame = ClientFrame(isWithin ? 0 : random.pick([1, 1, 2]), payload)
    frame.isFinal = !random.oneIn(2)
    if !isWithin, random.oneIn(6) { frame.reserved = 4 }
    return frame
  }

  private func spoil(_ frame: inout ClientFrame, _ random: inout SeededRandom) {
    switch random.number(0...7) {
    case 0: frame.mask = nil
    case 1: frame.reserved = UInt8(random.number(0...7))
    case 2: frame.opcode = UInt8(random.number(0...15))
    case 3: frame.lengthBytes = 8
    case 4: frame.lengthBytes = 2
    case 5: frame.claimedBytes = random.pick([1 << 63, 1 << 40, 126, 5, 65_536])
    case 6: frame.isFinal.toggle()
    default: frame.payload = [UInt8(random.number(0...255))]
    }
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    let index = random.number(0...bytes.count - 1)
    switch random.number(0...3) {
    case 0: bytes[index] = UInt8(random.number(0...255))
    case 1: bytes.removeLast(index)
    case 2: bytes.remove(at: index)
    default: bytes.insert(UInt8(random.number(0...255)), at: index)
    }
  }
}

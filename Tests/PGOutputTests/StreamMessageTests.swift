import Testing

@testable import PGOutput

@Suite struct StreamMessageTests {
  private static let data = WireBytes("w").integer(UInt64(0x16_B374_D848)).integer(UInt64(99))
    .integer(Int64(5)).raw([0x42, 0x01]).bytes
  private static let keepalive = WireBytes("k").integer(UInt64(1) << 63).integer(Int64(0)).byte(1)
    .bytes

  private func decode(_ bytes: [UInt8]) throws -> (StreamMessage, remaining: Int) {
    try bytes.withUnsafeBytes { raw in
      var cursor = Cursor(raw)
      return (try StreamMessage(&cursor), cursor.remaining)
    }
  }

  @Test func dataLeavesTheCursorAtItsMessage() throws {
    let (message, remaining) = try decode(Self.data)
    guard case .data(let start, let end) = message else {
      Issue.record("not data")
      return
    }
    #expect((start, end) == (0x16_B374_D848, 99))
    #expect(remaining == 2)
  }

  @Test(arguments: [(UInt8(0), false), (1, true), (7, true)])
  func keepaliveTellsWhetherItWantsAReply(_ flag: UInt8, _ wants: Bool) throws {
    let (message, remaining) = try decode(Self.keepalive.dropLast() + [flag])
    guard case .keepalive(let end, let wantsReply) = message else {
      Issue.record("not a keepalive")
      return
    }
    #expect(end == 1 << 63)
    #expect(wantsReply == wants)
    #expect(remaining == 0)
  }

  @Test func cutAnywhereTheyAreRefused() {
    for bytes in [Self.data.dropLast(2), Self.keepalive[...]] {
      for length in 0..<bytes.count {
        #expect(throws: DecodeError.self, "\(length) bytes") {
          try decode(Array(bytes.prefix(length)))
        }
      }
    }
  }

  @Test func otherKindsAreRefused() {
    #expect(throws: DecodeError(offset: 0, expected: "w or k")) {
      try decode([0x72] + [UInt8](repeating: 0, count: 40))
    }
  }

  @Test func statusUpdateHasTheBytesOfTheProtocol() {
    let bytes = StreamMessage.statusUpdate(
      received: 0x0102_0304_0506_0708, flushed: 2, applied: 3, now: -1, wantsReply: true)
    let expected = WireBytes("r").raw([1, 2, 3, 4, 5, 6, 7, 8]).integer(UInt64(2))
      .integer(UInt64(3)).raw([UInt8](repeating: 0xFF, count: 8)).byte(1).bytes
    #expect(bytes == expected)
    #expect(
      StreamMessage.statusUpdate(received: 0, flushed: 0, applied: 0, now: 0, wantsReply: false)
        == WireBytes("r").raw([UInt8](repeating: 0, count: 33)).bytes)
  }
}

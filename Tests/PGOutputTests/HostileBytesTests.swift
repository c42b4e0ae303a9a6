import TestSupport
import Testing

@testable import PGOutput

/// Whatever the bytes, decoding them ends in a message or a ``DecodeError``.
@Suite struct HostileBytesTests {
  @Test func cutAnywhereARowMessageIsRefused() throws {
    // Kinds that say nothing about rows are told by their first byte.
    let ignored = [SampleMessage.type, SampleMessage.origin, SampleMessage.application]
    for bytes in SampleMessage.all where !ignored.contains(bytes) {
      _ = try decodeWholly(bytes)
      for length in 0..<bytes.count {
        let cut = Array(bytes.prefix(length))
        #expect(throws: DecodeError.self, "\(length) of \(bytes)") { try decodeWholly(cut) }
      }
    }
  }

  @Test func anErrorPointsIntoTheMessage() throws {
    for bytes in SampleMessage.all {
      for length in 0..<bytes.count {
        do {
          _ = try decodeWholly(Array(bytes.prefix(length)))
        } catch {
          #expect((0...length).contains(error.offset), "\(length) of \(bytes)")
        }
      }
    }
  }

  @Test(arguments: [Int32.min, -1, 2, 1 << 29, Int32.max])
  func truncatedTablesThatAreNotThereAreRefused(_ count: Int32) {
    let bytes = WireBytes("T").integer(count).byte(0).integer(UInt32(7)).bytes
    #expect(throws: DecodeError.self) { try decodeWholly(bytes) }
  }

  @Test(arguments: [Int16.min, -1, 2, Int16.max])
  func columnCountsThatLieAreRefused(_ count: Int16) {
    let relation = WireBytes("R").integer(UInt32(1)).string("s").string("t").letter("d")
      .integer(count).byte(0).string("c").integer(UInt32(23)).integer(Int32(-1)).bytes
    let insert = WireBytes("I").integer(UInt32(1)).letter("N").integer(count).letter("n").bytes
    #expect(throws: DecodeError.self) { try decodeWholly(relation) }
    #expect(throws: DecodeError.self) { try decodeWholly(insert) }
  }

  @Test(arguments: [Int32.min, -1, 4, Int32.max], ["t", "b"] as [Character])
  func valueLengthsThatLieAreRefused(_ length: Int32, _ format: Character) {
    let bytes = WireBytes("I").integer(UInt32(1)).letter("N").integer(Int16(1)).letter(format)
      .integer(length).raw([1, 2, 3]).bytes
    #expect(throws: DecodeError.self) { try decodeWholly(bytes) }
  }

  @Test func namesWithoutAnEndAreRefused() {
    let bytes = WireBytes("R").integer(UInt32(1)).raw(Array("no terminator".utf8)).bytes
    #expect(throws: DecodeError(offset: 5, expected: "a terminated string")) {
      try decodeWholly(bytes)
    }
  }

  @Test func randomBytesNeverCrash() {
    var random = SeededRandom()
    let kinds = Array("BCRIUDTYOM".utf8)
    var refused = 0
    for _ in 0..<20_000 {
      var bytes = (0..<random.number(0...60)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if !bytes.isEmpty, !random.oneIn(10) { bytes[0] = random.pick(kinds) }
      if (try? decodeWholly(bytes)) == nil { refused += 1 }
    }
    #expect((1..<20_000).contains(refused))
  }

  @Test func damagedMessagesNeverCrash() {
    var random = SeededRandom()
    var outcomes: Set<Bool> = []
    for _ in 0..<20_000 {
      var bytes = random.pick(SampleMessage.all)
      for _ in 0..<random.number(1...4) {
        let index = random.number(0...bytes.count - 1)
        switch random.number(0...3) {
        case 0: bytes[index] = random.pick([0, 1, 0x7F, 0x80, 0xFF])
        case 1: bytes[index] ^= 1 << UInt8(random.number(0...7))
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        default: if bytes.count > 1 { bytes.remove(at: index) }
        }
      }
      outcomes.insert((try? decodeWholly(bytes)) != nil)
    }
    #expect(outcomes == [true, false])
  }
}

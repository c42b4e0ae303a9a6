import TestSupport
import Testing

@testable import HTTPWire

@Suite struct ByteScanTests {
  @Test func findsWhatALoopFinds() {

    var random = SeededRandom()
    for _ in 0..<3_000 {
      let count = Int.random(in: 0...40, using: &random)
      var bytes = [UInt8](repeating: 0x61, count: count)
      for index in bytes.indices where Int.random(in: 0..<12, using: &random) == 0 {
        bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
      }
      expectAgreement(bytes)
    }
  }

  @Test func tellsEveryByteAsTheGrammarDoes() {
    let token = Set("!#$%&'*+-.^_`|~".utf8)
    for byte in UInt8.min ... .max {
      let isAlphanumeric =
        byte < 128 && (Character(UnicodeScalar(byte)).isLetter || 0x30...0x39 ~= byte)
      #expect(ByteClass.isToken(byte) == (isAlphanumeric || token.contains(byte)))
      #expect(
        ByteClass.isHost(byte)
          == (isAlphanumeric || Set("-._~%!$&'()*+;=:[]".utf8).contains(byte)))
    }
  }

  private func expectAgreement(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      let (start, end) = (min(2, bytes.count), bytes.count)
      func first(_ matches: (UInt8) -> Bool) -> Int {
        (start..<end).first { matches(bytes[$0]) } ?? end
      }
      #expect(
        ByteScan.index(of: 0x3F, in: bytes, from: start, to: end) == first { $0 == 0x3F })
      #expect(
        ByteScan.indexOfControl(in: bytes, from: start, to: end)
          == first { $0 < 0x20 || $0 == 0x7F })
      #expect(
        ByteScan.indexOfTargetEnd(in: bytes, from: start, to: end)
          == first { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x23 })
    }
  }
}

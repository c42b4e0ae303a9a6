import HTTPWire
import Testing

@Suite struct ByteBufferFrameTests {
  @Test(
    arguments: [
      (0, [0x00]), (125, [125]), (126, [126, 0, 126]), (65_535, [126, 255, 255]),
      (65_536, [127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func aLengthTakesTheFewestBytes(_ count: Int, _ length: [UInt8]) {
    var payload = ByteBuffer()
    for _ in 0..<count { payload.append(0x61) }
    var frame = ByteBuffer()
    frame.append(frame: .text, payload.view)
    #expect(Array(frame.bytes.prefix(1 + length.count)) == [0x81] + length)
    #expect(frame.count == 1 + length.count + count)
  }

  @Test func aCompressedMessageSaysSo() {
    var frame = ByteBuffer()
    frame.append(frame: .binary, ByteView("a"), isCompressed: true)
    #expect(Array(frame.bytes) == [0xC2, 1, 0x61])
  }

  @Test func aReasonTooLongIsCutBetweenCharacters() {
    var frame = ByteBuffer()
    var reason = ByteBuffer()
    reason.append(String(repeating: "ü", count: 100))
    frame.append(closeFrame: .goingAway, reason: reason.view)
    #expect(frame.count == 2 + 2 + 122)
    #expect(Array(frame.bytes.prefix(4)) == [0x88, 124, 0x03, 0xE9])
    #expect(UTF8Check.accepts(frame.view[4..<frame.count]))
  }

  @Test(arguments: [(1, "1"), (15, "F"), (16, "10"), (255, "FF"), (4_096, "1000")])
  func aChunkTellsItsSize(_ count: Int, _ size: String) {
    var data = ByteBuffer()
    for _ in 0..<count { data.append(0x61) }
    var output = ByteBuffer()
    output.append(chunk: data.view)
    output.appendLastChunk()
    let text = String(repeating: "a", count: count)
    #expect(output.view.string == "\(size)\r\n\(text)\r\n0\r\n\r\n")
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func base64IsThatOfTheRFC(_ text: String, _ base64: String) {
    var output = ByteBuffer()
    Array(text.utf8).withUnsafeBytes { output.append(base64: $0) }
    #expect(output.view.string == base64)
  }
}

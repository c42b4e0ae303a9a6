import HTTPWire
import Testing

@Suite struct ByteBufferTests {
  @Test func ownsNoMemoryUntilItHoldsSomething() {
    var buffer = ByteBuffer()
    var capacities = [buffer.capacity]
    buffer.append(UInt8(1))
    capacities.append(buffer.capacity)
    buffer.release()
    capacities.append(buffer.capacity)
    #expect(capacities.map { $0 > 0 } == [false, true, false])
  }

  @Test func growsWithItsContentsIntact() {
    var buffer = ByteBuffer()
    var expected: [UInt8] = []
    for number in 0..<5_000 {
      buffer.append(decimal: number)
      expected += Array(String(number).utf8)
    }
    #expect(Array(buffer.bytes) == expected)
  }

  @Test(arguments: [0, 9, 10, 99, 100, -1, 1_234_567, .max, .min] as [Int64])
  func writesNumbersInDecimal(_ number: Int64) {
    var buffer = ByteBuffer()
    buffer.append(decimal: number)
    #expect(buffer.view.string == String(number))
  }

  @Test func writesTheLargestNumber() {
    var buffer = ByteBuffer()
    buffer.append(decimal: UInt64.max)
    #expect(buffer.view.string == "18446744073709551615")
  }

  @Test func keepsARangeAtTheFront() {
    var buffer = ByteBuffer()
    buffer.append("0123456789")
    buffer.keep(2..<9)
    #expect(buffer.view.string == "2345678")
    buffer.keep(0..<3)
    #expect(buffer.view.string == "234")
    buffer.keep(3..<3)
    #expect(buffer.view.string == "")
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
  ])
  func writesDatesAsHTTPDoes(_ seconds: Int64, _ text: String) {
    var buffer = ByteBuffer()
    buffer.append(httpDate: seconds)
    #expect(buffer.view.string == text)
  }

  @Test func writesMomentsAsLogsDo() {
    var buffer = ByteBuffer()
    buffer.append(isoTime: 951_827_696, milliseconds: 7)
    #expect(buffer.view.string == "2000-02-29T12:34:56.007Z")
  }

  @Test(
    arguments: [
      ("0", 0), ("007", 7), ("9223372036854775807", .max), ("9223372036854775808", nil), ("", nil),
      ("+1", nil), ("1 ", nil),
    ] as [(String, Int?)])
  func readsDecimalsStrictly(_ text: String, _ value: Int?) {
    var buffer = ByteBuffer()
    buffer.append(text)
    #expect(buffer.view.decimal == value)
  }
}

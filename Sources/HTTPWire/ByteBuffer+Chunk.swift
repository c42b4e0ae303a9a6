extension ByteBuffer {
  /// Appends `data`, which is not empty, as a chunk (RFC 9112 7.1).
  package mutating func append(chunk data: ByteView) {
    reserve(data.count + 20)
    append(hex: data.count)
    append("\r\n")
    append(data)
    append("\r\n")
  }

  /// Appends what ends a chunked body.
  package mutating func appendLastChunk() {
    append("0\r\n\r\n")
  }

  private mutating func append(hex number: Int) {
    var shift = max(0, (Int.bitWidth - 1 - number.leadingZeroBitCount) / 4 * 4)
    while shift >= 0 {
      append(ByteClass.hexDigit(UInt8(number >> shift & 15)))
      shift -= 4
    }
  }
}

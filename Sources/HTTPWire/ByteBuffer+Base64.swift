extension ByteBuffer {
  /// Appends `bytes` in base64 with padding (RFC 4648 4).
  package mutating func append(base64 bytes: UnsafeRawBufferPointer) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    var position = 0
    while position < bytes.count {
      let group = min(3, bytes.count - position)
      var bits: UInt32 = 0
      for index in 0..<3 {
        bits = bits << 8 | (index < group ? UInt32(bytes[position + index]) : 0)
      }
      for index in 0..<4 {
        let sextet = Int(bits >> UInt32(18 - 6 * index) & 63)
        append(index <= group ? alphabet.utf8Start[sextet] : UInt8(ascii: "="))
      }
      position += group
    }
  }
}

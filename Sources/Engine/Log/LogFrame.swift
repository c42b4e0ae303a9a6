/// One record as it lies in a segment of the log, or a part of a checkpoint.
///
///     bytes of the body (4) | CRC-32C of all else (4) | serial (8) | body
///
/// Serials count frames up without a gap, over all segments.
package enum LogFrame {
  package static let headerBytes = 16
  /// A frame that says to be longer is damaged. The longest record is that of the largest step which is kept.
  package static let bodyBytesMax = 64 << 20

  /// What stands at some place.
  package enum Reading {
    /// A whole frame; `end` is the offset behind it.
    case frame(serial: UInt64, body: UnsafeRawBufferPointer, end: Int)
    /// Nothing.
    case end
    /// A frame that goes on behind the bytes at hand, if it is one.
    case incomplete(bytes: Int)
    case damaged(LogDamage)
  }

  package static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Reading {
    let left = bytes.count - offset
    guard left > 0, let base = bytes.baseAddress else { return .end }
    guard left >= headerBytes else { return .incomplete(bytes: headerBytes) }
    func load<Integer: FixedWidthInteger>(_: Integer.Type, _ at: Int) -> Integer {
      Integer(littleEndian: base.loadUnaligned(fromByteOffset: offset + at, as: Integer.self))
    }
    let count = Int(load(UInt32.self, 0))
    guard count <= bodyBytesMax else {
      return .damaged(LogDamage(offset: offset, expected: "a frame"))
    }
    let end = offset + headerBytes + count
    guard end <= bytes.count else { return .incomplete(bytes: headerBytes + count) }
    let frame = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
    guard checksum(frame) == load(UInt32.self, 4) else {
      return .damaged(LogDamage(offset: offset, expected: "its checksum"))
    }
    let body = UnsafeRawBufferPointer(rebasing: frame[headerBytes...])
    return .frame(serial: load(UInt64.self, 8), body: body, end: end)
  }

  private static func checksum(_ frame: UnsafeRawBufferPointer) -> UInt32 {
    var crc = CRC32C()
    crc.add(UnsafeRawBufferPointer(rebasing: frame[0..<4]))
    crc.add(UnsafeRawBufferPointer(rebasing: frame[8...]))
    return crc.value
  }

  // MARK: Writing

  /// Appends a frame without its checksum.
  package static func append(
    serial: UInt64, to bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void
  ) {
    let start = bytes.count
    begin(serial: serial, in: &bytes)
    body(&bytes)
    end(in: &bytes, from: start)
  }

  /// Begins a frame, whose body is then appended.
  package static func begin(serial: UInt64, in bytes: inout [UInt8]) {
    bytes.append(integer: UInt32(0))
    bytes.append(integer: UInt32(0))
    bytes.append(integer: serial)
  }

  /// Ends the frame that was begun at `start`.
  package static func end(in bytes: inout [UInt8], from start: Int = 0) {
    bytes.put(integer: UInt32(bytes.count - start - headerBytes), at: start)
  }

  /// Sets the checksums of frames that were appended one after the other from `start` on.
  package static func seal(_ bytes: inout [UInt8], from start: Int = 0) {
    bytes.withUnsafeMutableBytes { buffer in
      var at = start
      while at + headerBytes <= buffer.count {
        let count = UInt32(
          littleEndian: buffer.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        let end = at + headerBytes + Int(count)
        let crc = checksum(UnsafeRawBufferPointer(rebasing: buffer[at..<end]))
        buffer.storeBytes(of: crc.littleEndian, toByteOffset: at + 4, as: UInt32.self)
        at = end
      }
    }
  }
}

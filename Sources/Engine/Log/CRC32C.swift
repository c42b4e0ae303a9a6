/// The checksum of Castagnoli (RFC 3720 appendix B.4): it finds every burst of damage up to 32 bits.
package struct CRC32C {
  private var state: UInt32 = .max

  package init() {}

  package var value: UInt32 { ~state }

  package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
    var crc = CRC32C()
    crc.add(bytes)
    return crc.value
  }

  /// Eight bytes at a time, each through a table of its own ("slicing by 8", Kounavis and Berry 2005).
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    var crc = state
    var at = 0
    Self.tables.withUnsafeBufferPointer { tables in
      while at + 8 <= bytes.count {
        let word =
          UInt64(
            littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ UInt64(crc)
        crc = 0
        for byte in 0..<8 {
          crc ^= tables[(7 - byte) << 8 | Int(truncatingIfNeeded: word >> UInt64(8 * byte)) & 0xFF]
        }
        at += 8
      }
      while at < bytes.count {
        let byte = base.load(fromByteOffset: at, as: UInt8.self)
        crc = crc >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
        at += 1
      }
    }
    state = crc
  }

  /// The polynomial with its bits reversed.
  private static let polynomial: UInt32 = 0x82F6_3B78

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
      tables[byte] = crc
    }
    for entry in 256..<8 * 256 {
      let before = tables[entry - 256]
      tables[entry] = before >> 8 ^ tables[Int(before & 0xFF)]
    }
    return tables
  }()
}

/// The mask of a frame, turned to the payload byte that comes next (RFC 6455 5.3).
struct FrameMask: Sendable, Equatable {
  /// The next four bytes of the mask, the first of them lowest.
  private var next: UInt32

  init(_ mask: UInt32) {
    next = mask
  }

  /// Takes the mask off `bytes`, in place and eight at a time.
  mutating func remove(from bytes: UnsafeMutableRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    let pattern = UInt64(next) << 32 | UInt64(next)
    var position = 0
    while position &+ 8 <= bytes.count {
      let word = UInt64(littleEndian: (base + position).loadUnaligned(as: UInt64.self))
      (base + position).storeBytes(of: (word ^ pattern).littleEndian, as: UInt64.self)
      position &+= 8
    }
    var rest = pattern
    while position < bytes.count {
      bytes[position] ^= UInt8(truncatingIfNeeded: rest)
      rest >>= 8
      position &+= 1
    }
    turn(by: bytes.count % 4)
  }

  private mutating func turn(by byteCount: Int) {
    let bits = UInt32(byteCount * 8)
    guard bits > 0 else { return }
    next = next >> bits | next << (32 - bits)
  }
}

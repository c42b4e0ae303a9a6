/// A seeded 64-bit hash of row bytes.
///
/// Folded 64x64 multiplications as in wyhash; the seed is drawn per process, so that nobody who chooses
/// item names can choose collisions. Nothing that outlives the process may depend on a random one.
package struct RowHasher: Sendable {
  let seed: UInt64

  package init(seed: UInt64) { self.seed = seed | 1 }

  @inline(__always)
  func hash(_ row: RowRef) -> UInt64 { hash(row.bytes) }

  package func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard let base = bytes.baseAddress else { return seed }
    var state = seed
    var at = 0
    while at + 16 <= bytes.count {
      let a = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let b = base.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
      state = Self.fold(a ^ 0xa076_1d64_78bd_642f, b ^ state)
      at += 16
    }
    var tail: (UInt64, UInt64) = (0, 0)
    if at + 8 <= bytes.count {
      tail.0 = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      at += 8
    }
    var shift: UInt64 = 0
    while at < bytes.count {
      tail.1 |= UInt64(base.load(fromByteOffset: at, as: UInt8.self)) << shift
      shift += 8
      at += 1
    }
    state = Self.fold(tail.0 ^ 0xe703_7ed1_a0b4_28db, tail.1 ^ state)
    // Apart from the tail: mixed with it, a byte could stand for a different length.
    return Self.fold(state ^ 0x8ebc_6af0_9c88_c6e3, seed ^ UInt64(truncatingIfNeeded: bytes.count))
  }

  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}

extension UnsafeRawBufferPointer {
  /// Equality by word; the bodies compared here are tens of bytes long.
  func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let a = baseAddress, let b = other.baseAddress else { return true }
    var at = 0
    while at + 8 <= count {
      guard
        a.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          == b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      else { return false }
      at += 8
    }
    while at < count {
      guard a.load(fromByteOffset: at, as: UInt8.self) == b.load(fromByteOffset: at, as: UInt8.self)
      else { return false }
      at += 1
    }
    return true
  }

  /// Order as of unsigned bytes, the shorter first: Postgres's order under the "C" collation.
  func compareBytes(with other: UnsafeRawBufferPointer) -> Int {
    let shared = Swift.min(count, other.count)
    var at = 0
    while at < shared {
      if self[at] != other[at] { return self[at] < other[at] ? -1 : 1 }
      at += 1
    }
    return count == other.count ? 0 : (count < other.count ? -1 : 1)
  }
}

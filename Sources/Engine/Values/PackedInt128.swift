/// An `Int128` in two halves.
///
/// It needs an alignment of 8 where `Int128` needs 16, which keeps values that hold one small.
/// Besides, Swift 6.3.1 misaligns an `Int128` inside the payload of an enum on the stack and
/// crashes.
struct PackedInt128: Sendable, Hashable {
  private let low: UInt64
  private let high: Int64

  @inline(__always)
  init(_ value: Int128) {
    low = UInt64(truncatingIfNeeded: value)
    high = Int64(truncatingIfNeeded: value >> 64)
  }

  @inline(__always)
  var int128: Int128 {
    Int128(high) << 64 | Int128(low)
  }
}

import BigInt

extension BigUInt {
  init(uint128 value: UInt128) {
    self.init(words: [UInt(truncatingIfNeeded: value), UInt(truncatingIfNeeded: value >> 64)])
  }
}

extension BigInt {
  init(int128 value: Int128) {
    self.init(sign: value < 0 ? .minus : .plus, magnitude: BigUInt(uint128: value.magnitude))
  }
}

extension UInt128 {
  /// `value`, or nil when it needs more than 128 bits.
  init?(fitting value: BigUInt) {
    guard value.bitWidth <= 128 else { return nil }
    self = value.words.reversed().reduce(0) { $0 << 64 | UInt128($1) }
  }
}

extension Int128 {
  /// `value`, or nil when it needs more than 128 bits.
  init?(fitting value: BigInt) {
    guard let magnitude = UInt128(fitting: value.magnitude) else { return nil }
    guard value.sign == .minus else {
      self.init(exactly: magnitude)
      return
    }
    guard magnitude <= Int128.min.magnitude else { return nil }
    self = Int128(truncatingIfNeeded: 0 &- magnitude)
  }
}

import BigInt

/// Powers of ten, looked up while they fit 128 bits.
enum PowerOfTen {
  /// The largest exponent whose power fits `Int128`.
  static let smallExponentMax = 38

  private static let table: [Int128] = {
    var powers: [Int128] = [1]
    for _ in 1...smallExponentMax { powers.append(powers[powers.count - 1] * 10) }
    return powers
  }()

  /// 10^`exponent`, for an exponent of 0 to `smallExponentMax`.
  @inline(__always)
  static func small(_ exponent: Int) -> Int128 {
    table[exponent]
  }

  static func big(_ exponent: Int) -> BigInt {
    exponent <= smallExponentMax ? BigInt(int128: small(exponent)) : BigInt(10).power(exponent)
  }

  /// The number of decimal digits of `magnitude`; 1 for zero.
  static func digitCount(_ magnitude: UInt128) -> Int {
    // 1233/4096 approximates log10(2) closely enough for 128 bits; the table corrects the last
    // step.
    let estimate = ((128 - magnitude.leadingZeroBitCount) * 1233) >> 12
    guard estimate <= smallExponentMax else { return smallExponentMax + 1 }
    return magnitude >= UInt128(table[estimate]) ? estimate + 1 : max(estimate, 1)
  }
}

import BigInt
import Synchronization

/// Powers of ten, looked up while they fit 128 bits and remembered while a scale can be as large.
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
    if exponent <= smallExponentMax { return BigInt(int128: small(exponent)) }
    guard exponent <= Numeric.scaleMax else { return BigInt(10).power(exponent) }
    if let power = remembered.withLock({ $0[exponent] }) { return power }
    let power = BigInt(10).power(exponent)
    remembered.withLock { powers in
      if powers.count >= rememberedMax { powers.removeAll() }
      powers[exponent] = power
    }
    return power
  }

  /// Large powers by exponent: the largest takes a good part of a millisecond to compute.
  private static let remembered = Mutex<[Int: BigInt]>([:])
  /// At most 7 kB each, so 2 MB in all.
  private static let rememberedMax = 256

  /// The number of decimal digits of `magnitude`; 1 for zero.
  static func digitCount(_ magnitude: UInt128) -> Int {
    // 1233/4096 approximates log10(2) closely enough for 128 bits; the table corrects the last
    // step.
    let estimate = ((128 - magnitude.leadingZeroBitCount) * 1233) >> 12
    guard estimate <= smallExponentMax else { return smallExponentMax + 1 }
    return magnitude >= UInt128(table[estimate]) ? estimate + 1 : max(estimate, 1)
  }
}

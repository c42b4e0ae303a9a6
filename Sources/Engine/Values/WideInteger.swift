import BigInt

/// An integer of any size that lives in 128 bits while it fits.
///
/// `big` is used only for what 128 bits cannot hold, so equal integers have equal cases. No
/// operation can fail.
enum WideInteger: Sendable {
  case packed(PackedInt128)
  indirect case big(BigInt)

  static let zero = WideInteger.small(0)

  @inline(__always)
  static func small(_ value: Int128) -> WideInteger {
    .packed(PackedInt128(value))
  }

  /// The value while it fits 128 bits.
  @inline(__always)
  var small: Int128? {
    if case .packed(let value) = self { value.int128 } else { nil }
  }

  /// Which way a quotient that is not whole goes.
  enum Rounding {
    case towardZero
    case halfAwayFromZero
  }

  init(_ value: BigInt) {
    self = Int128(fitting: value).map(WideInteger.small) ?? .big(value)
  }

  init(negative: Bool, magnitude: BigUInt) {
    self.init(BigInt(sign: negative ? .minus : .plus, magnitude: magnitude))
  }

  var bigInt: BigInt {
    switch self {
    case .packed(let value): BigInt(int128: value.int128)
    case .big(let value): value
    }
  }

  /// -1, 0 or 1.
  var signum: Int {
    switch self {
    case .packed(let value): Int(value.int128.signum())
    case .big(let value): value.sign == .minus ? -1 : 1
    }
  }

  /// The number of decimal digits, sign aside; 1 for zero.
  var digitCount: Int {
    switch self {
    case .packed(let value): PowerOfTen.digitCount(value.int128.magnitude)
    case .big(let value): Self.digitCount(value.magnitude)
    }
  }

  /// The number of bits of the magnitude; 0 for zero.
  var bitCount: Int {
    switch self {
    case .packed(let value): 128 - value.int128.magnitude.leadingZeroBitCount
    case .big(let value): value.magnitude.bitWidth
    }
  }

  /// The value as `Integer`, or nil when it does not fit.
  func exactly<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer? {
    guard let value = small else { return nil }
    return Integer(exactly: value)
  }

  private static func digitCount(_ magnitude: BigUInt) -> Int {
    // 30103/100000 is a little above log10(2), so the estimate is never too small.
    let estimate = magnitude.bitWidth * 30103 / 100_000 + 1
    return magnitude < PowerOfTen.big(estimate - 1).magnitude ? estimate - 1 : estimate
  }
}

extension WideInteger {
  static func + (left: WideInteger, right: WideInteger) -> WideInteger {
    if let x = left.small, let y = right.small {
      let (sum, overflow) = x.addingReportingOverflow(y)
      if !overflow { return .small(sum) }
    }
    return WideInteger(left.bigInt + right.bigInt)
  }

  static func - (left: WideInteger, right: WideInteger) -> WideInteger {
    if let x = left.small, let y = right.small {
      let (difference, overflow) = x.subtractingReportingOverflow(y)
      if !overflow { return .small(difference) }
    }
    return WideInteger(left.bigInt - right.bigInt)
  }

  static func * (left: WideInteger, right: WideInteger) -> WideInteger {
    if let x = left.small, let y = right.small {
      let (product, overflow) = x.multipliedReportingOverflow(by: y)
      if !overflow { return .small(product) }
    }
    return WideInteger(left.bigInt * right.bigInt)
  }

  static prefix func - (value: WideInteger) -> WideInteger {
    .zero - value
  }

  /// The remainder of a division that truncates: it has the sign of `left`. `right` is not zero.
  static func % (left: WideInteger, right: WideInteger) -> WideInteger {
    if let x = left.small, let y = right.small {
      return .small(y == -1 ? 0 : x % y)
    }
    return WideInteger(left.bigInt % right.bigInt)
  }

  func timesPowerOfTen(_ exponent: Int) -> WideInteger {
    guard exponent > 0, signum != 0 else { return self }
    if let value = small, exponent <= PowerOfTen.smallExponentMax {
      let (product, overflow) = value.multipliedReportingOverflow(by: PowerOfTen.small(exponent))
      if !overflow { return .small(product) }
    }
    return WideInteger(bigInt * PowerOfTen.big(exponent))
  }

  func dividedByPowerOfTen(_ exponent: Int, _ rounding: Rounding) -> WideInteger {
    guard exponent > 0 else { return self }
    // With more digits dropped than there are, less than a half remains.
    guard exponent <= digitCount else { return .zero }
    guard exponent <= PowerOfTen.smallExponentMax else {
      return quotient(by: WideInteger(PowerOfTen.big(exponent)), rounding)
    }
    return quotient(by: .small(PowerOfTen.small(exponent)), rounding)
  }

  /// `self / divisor`; `divisor` is not zero.
  func quotient(by divisor: WideInteger, _ rounding: Rounding) -> WideInteger {
    if let x = small, let y = divisor.small, y != -1 {
      return .small(Self.quotient(x, y, rounding))
    }
    let (quotient, remainder) = bigInt.quotientAndRemainder(dividingBy: divisor.bigInt)
    let toNearest =
      rounding == .halfAwayFromZero && remainder.magnitude * 2 >= divisor.bigInt.magnitude
    guard toNearest else { return WideInteger(quotient) }
    return WideInteger(quotient + (signum == divisor.signum ? 1 : -1))
  }

  private static func quotient(_ x: Int128, _ y: Int128, _ rounding: Rounding) -> Int128 {
    let (quotient, remainder) = fastQuotientAndRemainder(x, y)
    let rest = remainder.magnitude
    guard rounding == .halfAwayFromZero, rest >= y.magnitude - rest else { return quotient }
    return (x < 0) == (y < 0) ? quotient + 1 : quotient - 1
  }

  /// Divides in 64 bits where both fit, which is several times faster.
  @inline(__always)
  static func fastQuotientAndRemainder(_ x: Int128, _ y: Int128) -> (
    quotient: Int128, remainder: Int128
  ) {
    if let x = Int64(exactly: x), let y = Int64(exactly: y), y != -1 {
      return (Int128(x / y), Int128(x % y))
    }
    return x.quotientAndRemainder(dividingBy: y)
  }

  /// Removes trailing decimal zeros, at most `limit`, and tells how many went.
  func strippingTrailingZeros(limit: Int) -> (value: WideInteger, count: Int) {
    guard signum != 0 else { return (self, limit) }
    if case .big(let value) = self { return Self.strippingTrailingZeros(value, limit) }
    var value = self
    var count = 0
    while count < limit, let shorter = value.dividedByTenExactly {
      value = shorter
      count += 1
    }
    return (value, count)
  }

  private var dividedByTenExactly: WideInteger? {
    guard let value = small else { return nil }
    let (quotient, remainder) = Self.fastQuotientAndRemainder(value, 10)
    return remainder == 0 ? .small(quotient) : nil
  }

  /// Takes the zeros away by powers of two, since a division by a large power costs about as much as one by 10.
  private static func strippingTrailingZeros(_ value: BigInt, _ limit: Int) -> (
    value: WideInteger, count: Int
  ) {
    // Each factor of 10 is one of 2 as well.
    let countMax = min(limit, value.magnitude.trailingZeroBitCount)
    guard countMax > 0 else { return (.big(value), 0) }
    var rest = value
    var count = 0
    var step = 1 << (Int.bitWidth - 1 - countMax.leadingZeroBitCount)
    while step > 0 {
      if count + step <= countMax {
        let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: PowerOfTen.big(step))
        if remainder.isZero {
          rest = quotient
          count += step
        }
      }
      step /= 2
    }
    return (WideInteger(rest), count)
  }
}

extension WideInteger: Comparable, Hashable {
  static func == (left: WideInteger, right: WideInteger) -> Bool {
    switch (left, right) {
    case (.packed(let x), .packed(let y)): x == y
    case (.big(let x), .big(let y)): x == y
    case (.packed, .big), (.big, .packed): false
    }
  }

  static func < (left: WideInteger, right: WideInteger) -> Bool {
    if let x = left.small, let y = right.small { return x < y }
    return left.bigInt < right.bigInt
  }

  func hash(into hasher: inout Hasher) {
    switch self {
    case .packed(let value): hasher.combine(value)
    case .big(let value): hasher.combine(value)
    }
  }
}

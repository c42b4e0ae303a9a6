extension Numeric: Comparable, Hashable {
  package static func == (left: Numeric, right: Numeric) -> Bool {
    left.compared(to: right) == 0
  }

  package static func < (left: Numeric, right: Numeric) -> Bool {
    left.compared(to: right) < 0
  }

  package func hash(into hasher: inout Hasher) {
    let normalized = normalized
    guard case .finite(let coefficient) = normalized.body else {
      hasher.combine(rank)
      return
    }
    hasher.combine(coefficient)
    hasher.combine(normalized.scale)
  }

  /// Negative, zero or positive as `self` sorts before, with or after `other`.
  package func compared(to other: Numeric) -> Int {
    guard case .finite(let x) = body, case .finite(let y) = other.body else {
      return rank - other.rank
    }
    if scale == other.scale { return Self.order(x, y) }
    guard x.signum == y.signum else { return x.signum - y.signum }
    // Scaling is dear where scales are large: leave it to values close to each other.
    let ratio = Double(x.bitCount - y.bitCount) - Double(scale - other.scale) * Self.bitsPerDigit
    if abs(ratio) > Self.ratioMax { return ratio > 0 ? x.signum : -x.signum }
    let common = max(scale, other.scale)
    return Self.order(x.timesPowerOfTen(common - scale), y.timesPowerOfTen(common - other.scale))
  }

  /// log2(10).
  private static let bitsPerDigit = 3.321928094887362
  /// Two coefficients of as many bits differ by less than a factor of 2, whose logarithm is 1; the rest is for rounding.
  private static let ratioMax = 1.001

  private static func order(_ x: WideInteger, _ y: WideInteger) -> Int {
    x == y ? 0 : x < y ? -1 : 1
  }

  /// The place of the value's kind in the order: -Infinity, finite values, Infinity, NaN.
  private var rank: Int {
    switch body {
    case .negativeInfinity: -1
    case .finite: 0
    case .positiveInfinity: 1
    case .nan: 2
    }
  }
}

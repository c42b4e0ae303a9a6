/// A value of Postgres's `numeric`, with the arithmetic and result scales of the server.
///
/// A finite value is `coefficient / 10^scale`. The scale is the number of digits printed after the
/// point: `1.50` and `1.5` are equal, hash alike and print differently. NaN equals itself and is
/// greater than everything else. The rules are those of "Numeric Types" in the manual and of
/// `numeric.c` where the manual is silent.
package struct Numeric: Sendable {
  enum Body: Sendable {
    case finite(WideInteger)
    case nan
    case positiveInfinity
    case negativeInfinity
  }

  let body: Body
  private let storedScale: Int16

  /// The number of digits after the decimal point, 0 to `scaleMax`; 0 for NaN and the infinities.
  package var scale: Int { Int(storedScale) }

  /// The most digits after the point that the server's format holds (14 bits).
  package static let scaleMax = 16383
  /// The exponent of ten of the highest digit that the server's format holds: its base-10000 weight
  /// is an int16.
  package static let leadingExponentMax = 4 * 32767 + 3

  package static let nan = Numeric(special: .nan)
  package static let infinity = Numeric(special: .positiveInfinity)
  package static let negativeInfinity = Numeric(special: .negativeInfinity)
  package static let zero = Numeric(0)

  /// `coefficient / 10^scale`, for a scale of 0 to `scaleMax`.
  init(_ coefficient: WideInteger, scale: Int) {
    body = .finite(coefficient)
    storedScale = Int16(scale)
  }

  /// `coefficient / 10^scale`, unless the server could not store that.
  init(checked coefficient: WideInteger, scale: Int) throws(ValueFault) {
    guard scale <= Self.scaleMax else { throw .numericOutOfRange }
    self.init(coefficient, scale: scale)
    guard isStorable else { throw .numericOutOfRange }
  }

  private init(special: Body) {
    body = special
    storedScale = 0
  }

  /// A whole number, with scale 0.
  package init(_ value: Int64) {
    self.init(.small(Int128(value)), scale: 0)
  }

  /// `coefficient / 10^scale`, for a scale of 0 to `scaleMax`.
  package init(coefficient: Int128, scale: Int) {
    self.init(.small(coefficient), scale: scale)
  }

  package var isNaN: Bool {
    if case .nan = body { true } else { false }
  }

  package var isFinite: Bool {
    if case .finite = body { true } else { false }
  }

  package var isZero: Bool {
    if case .finite(let coefficient) = body { coefficient.signum == 0 } else { false }
  }

  /// -1, 0 or 1; 1 for NaN.
  package var signum: Int {
    switch body {
    case .finite(let coefficient): coefficient.signum
    case .nan, .positiveInfinity: 1
    case .negativeInfinity: -1
    }
  }

  /// The same value with the fewest digits after the point: one spelling for each value, so an
  /// identity for grouping.
  package var normalized: Numeric {
    guard case .finite(let coefficient) = body, scale > 0 else { return self }
    let stripped = coefficient.strippingTrailingZeros(limit: scale)
    return Numeric(stripped.value, scale: scale - stripped.count)
  }

  private var isStorable: Bool {
    guard case .finite(.big(let coefficient)) = body else { return true }
    // Counting digits is dear: most numbers have too few bits to come near the limit.
    let digitsMax = coefficient.bitWidth / 3 + 1
    guard digitsMax - scale - 1 > Self.leadingExponentMax else { return true }
    return WideInteger.big(coefficient).digitCount - scale - 1 <= Self.leadingExponentMax
  }
}

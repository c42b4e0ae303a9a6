/// The running state of `sum` and `avg` over numeric values that come and go.
///
/// Postgres gives a sum the largest scale among its inputs, so a count is kept for each scale:
/// removing 2.25 from {1.5, 2.25} gives `1.5`, not `1.50`. NaN and the infinities are counted,
/// never added. Weights follow Z-set arithmetic: counts may pass through negative values inside a
/// step, and what remains is right whatever the order.
package struct NumericSum: Sendable {
  /// What a value counts as. A finite value counts by its scale.
  enum Kind: Equatable {
    case scale(Int)
    case nan
    case positiveInfinity
    case negativeInfinity
  }

  /// The sum of the finite values, times 10^`scale`.
  var total = WideInteger.zero
  /// No counted scale is larger than this.
  var scale = 0
  /// How many values have exactly `scale`.
  var countAtScale = 0
  /// The other kinds, none with a count of zero. Columns usually have one scale, and then this
  /// stays empty.
  var otherCounts: [(kind: Kind, count: Int)] = []

  package init() {}

  /// How many values are in, NaN and the infinities included.
  package var count: Int {
    otherCounts.reduce(countAtScale) { $0 + $1.count }
  }

  /// Adds `value` as often as `weight` says; a negative weight removes it.
  package mutating func add(_ value: Numeric, weight: Int = 1) {
    guard weight != 0 else { return }
    switch value.body {
    case .finite(let coefficient):
      raiseScale(to: value.scale)
      let scaled = coefficient.timesPowerOfTen(scale - value.scale)
      total = total + (weight == 1 ? scaled : scaled * .small(Int128(weight)))
      tally(.scale(value.scale), weight)
    case .nan: tally(.nan, weight)
    case .positiveInfinity: tally(.positiveInfinity, weight)
    case .negativeInfinity: tally(.negativeInfinity, weight)
    }
  }

  package mutating func remove(_ value: Numeric) {
    add(value, weight: -1)
  }

  /// Adds everything that `other` holds, as often as `weight` says.
  package mutating func add(_ other: NumericSum, weight: Int = 1) {
    guard weight != 0 else { return }
    raiseScale(to: other.scale)
    total = total + other.total.timesPowerOfTen(scale - other.scale) * .small(Int128(weight))
    tally(.scale(other.scale), other.countAtScale * weight)
    for (kind, count) in other.otherCounts { tally(kind, count * weight) }
  }

  /// `sum`: nil when nothing is in.
  package func sum() throws(ValueFault) -> Numeric? {
    guard count > 0 else { return nil }
    if let specialSum { return specialSum }
    return try Numeric(checked: total, scale: scale)
  }

  /// `avg`: nil when nothing is in.
  package func average() throws(ValueFault) -> Numeric? {
    guard let sum = try sum() else { return nil }
    return try sum.divided(by: Numeric(Int64(count)))
  }

  /// The sum where it is not finite.
  private var specialSum: Numeric? {
    let hasPositive = count(of: .positiveInfinity) > 0
    let hasNegative = count(of: .negativeInfinity) > 0
    if count(of: .nan) > 0 || (hasPositive && hasNegative) { return .nan }
    return hasPositive ? .infinity : hasNegative ? .negativeInfinity : nil
  }

  private func count(of kind: Kind) -> Int {
    otherCounts.first { $0.kind == kind }?.count ?? 0
  }

  private mutating func tally(_ kind: Kind, _ weight: Int) {
    if case .scale(let scale) = kind, weight != 0 { raiseScale(to: scale) }
    if kind == .scale(scale) {
      countAtScale += weight
    } else if let index = otherCounts.firstIndex(where: { $0.kind == kind }) {
      otherCounts[index].count += weight
      if otherCounts[index].count == 0 { otherCounts.remove(at: index) }
    } else if weight != 0 {
      otherCounts.append((kind, weight))
    }
    if countAtScale == 0 { lowerScale() }
  }

  private mutating func raiseScale(to newScale: Int) {
    guard newScale > scale else { return }
    total = total.timesPowerOfTen(newScale - scale)
    if countAtScale != 0 { otherCounts.append((.scale(scale), countAtScale)) }
    scale = newScale
    countAtScale = 0
  }

  /// Falls back to the next scale in use once the largest is no longer.
  ///
  /// Within a step a total may still need its digits, while values that cancel in count differ in
  /// amount; then the scale stays, and every later change tries again.
  private mutating func lowerScale() {
    let index = otherCounts.indices.max { scale(at: $0) < scale(at: $1) }
    let lower = max(index.map(scale(at:)) ?? 0, 0)
    let stripped = total.strippingTrailingZeros(limit: scale - lower)
    guard stripped.count == scale - lower else { return }
    total = stripped.value
    scale = lower
    guard let index, case .scale = otherCounts[index].kind else { return }
    countAtScale = otherCounts.remove(at: index).count
  }

  /// The scale counted at `index`, -1 for what is not finite.
  private func scale(at index: Int) -> Int {
    if case .scale(let scale) = otherCounts[index].kind { scale } else { -1 }
  }
}

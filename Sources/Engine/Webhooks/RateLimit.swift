/// At most so many deliveries in any second, and no burst of more than a second's worth.
///
/// Times are in milliseconds.
package struct RateLimit: Sendable {
  /// Nil for no limit.
  private let perSecond: Int?
  private var tokens: Double
  private var filledAt: Int64?

  package init(perSecond: Int?) {
    self.perSecond = perSecond
    tokens = 1
  }

  /// Takes one delivery's worth, if there is.
  package mutating func take(now: Int64) -> Bool {
    guard perSecond != nil else { return true }
    fill(now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// When there will be one; nil if there is.
  package mutating func nextAt(now: Int64) -> Int64? {
    guard let perSecond else { return nil }
    fill(now)
    guard tokens < 1 else { return nil }
    return now + Int64(((1 - tokens) * 1_000 / Double(perSecond)).rounded(.up))
  }

  private mutating func fill(_ now: Int64) {
    guard let perSecond else { return }
    // A bucket of a tenth of a second, so that a second never has much more than its share.
    let capacity = max(1, Double(perSecond) / 10)
    let elapsed = Double(max(0, now - (filledAt ?? now)))
    tokens = min(capacity, tokens + elapsed * Double(perSecond) / 1_000)
    filledAt = now
  }
}

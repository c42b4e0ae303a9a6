/// When a delivery that failed is tried again: twice as late each time, over three days.
///
/// Times are in milliseconds.
package struct AttemptSchedule: Sendable {
  private let firstDelay: Int64
  /// Between two attempts.
  private let delayMax: Int64
  /// After the first attempt nothing is tried again.
  private let lifetime: Int64

  package init(
    firstDelay: Int64 = 1_000, delayMax: Int64 = 4 * 3_600_000, lifetime: Int64 = 72 * 3_600_000
  ) {
    self.firstDelay = firstDelay
    self.delayMax = delayMax
    self.lifetime = lifetime
  }

  /// How long to wait after so many failed attempts; nil to give up.
  ///
  /// - Parameters:
  ///   - attempts: at least 1.
  ///   - age: since the first attempt.
  ///   - retryAfter: as the receiver asked; a longer time than ours is kept to, up to ``retryAfterMax``.
  package func delay(
    after attempts: Int, age: Int64, retryAfter: Int64? = nil,
    _ random: inout some RandomNumberGenerator
  ) -> Int64? {
    guard age < lifetime else { return nil }
    let doublings = Int64(min(attempts - 1, 40))
    let full = doublings > 30 ? delayMax : min(firstDelay << doublings, delayMax)
    // Half of it at random, so that what failed together does not come back together.
    let jittered = full - Int64.random(in: 0...full / 2, using: &random)
    let asked = min(max(jittered, retryAfter ?? 0), max(jittered, Self.retryAfterMax))
    // The last attempt is made when the time is over, and not long before.
    return min(asked, lifetime - age)
  }

  /// Longer is not waited, whatever a receiver asks for.
  package static let retryAfterMax: Int64 = 24 * 3_600_000
}

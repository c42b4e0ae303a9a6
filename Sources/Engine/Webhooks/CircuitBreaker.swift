/// Keeps a receiver that answers nothing from being asked by every delivery: after failures in a row nothing is sent but,
/// after a while, one delivery as a probe.
///
/// Times are in milliseconds.
package struct CircuitBreaker: Sendable {
  package enum State: Hashable, Sendable {
    case closed
    /// Nothing is sent before `until`.
    case open(until: Int64)
    /// One delivery is under way.
    case probing
  }

  package private(set) var state = State.closed
  package private(set) var failuresInRow = 0
  private var openings = 0

  /// As many as a receiver that fails a third of the time has once in 60,000 deliveries.
  package static let failuresMax = 10
  private static let pauseFirst: Int64 = 1_000
  /// No pause is longer.
  package static let pauseMax: Int64 = 300_000

  package init() {}

  package func permits(now: Int64) -> Bool {
    switch state {
    case .closed: true
    case .open(let until): now >= until
    case .probing: false
    }
  }

  /// When it will permit something; nil if that is now or depends on the probe.
  package var opensAt: Int64? {
    if case .open(let until) = state { until } else { nil }
  }

  /// A delivery that was permitted is sent.
  package mutating func sent() {
    if case .open = state { state = .probing }
  }

  package mutating func succeeded() {
    state = .closed
    failuresInRow = 0
    openings = 0
  }

  package mutating func failed(now: Int64, _ random: inout some RandomNumberGenerator) {
    failuresInRow += 1
    switch state {
    case .closed:
      guard failuresInRow >= Self.failuresMax else { return }
    case .probing: break
    // Sent before it opened.
    case .open: return
    }
    let pause = min(Self.pauseFirst << Int64(min(openings, 20)), Self.pauseMax)
    openings += 1
    state = .open(until: now + pause - Int64.random(in: 0...pause / 2, using: &random))
  }

  /// What is under way tells nothing of the receiver any more.
  package mutating func reset() { self = CircuitBreaker() }
}

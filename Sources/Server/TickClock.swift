/// A worker's coarse time: how often its timer could have fired since it started.
struct Tick: Comparable, Sendable {
  fileprivate var count: UInt32

  static let never = Tick(count: .max)

  static func < (left: Tick, right: Tick) -> Bool { left.count < right.count }

  /// Zero if it was not before this one.
  func ticks(since earlier: Tick) -> UInt32 { count - min(count, earlier.count) }

  /// Not before `ticks` whole ticks have passed.
  func after(_ ticks: UInt32) -> Tick { Tick(count: count + ticks + 1) }
}

/// The relation of ticks to time.
struct TickClock: Sendable {
  private let origin: ContinuousClock.Instant

  /// How late a timeout may come. Ten wakes a second cost an idle process about 0.01% of a core.
  static let tickMilliseconds = 100

  init(origin: ContinuousClock.Instant) {
    self.origin = origin
  }

  static func ticks(in duration: Duration) -> UInt32 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    // A year is as good as for ever, and a tick count of 13 years does not overflow by it.
    let attosecondsPerTick = Int64(tickMilliseconds) * 1_000_000_000_000_000
    let partial = (attoseconds + attosecondsPerTick - 1) / attosecondsPerTick
    return UInt32(min(seconds, 31_536_000) * Int64(1_000 / tickMilliseconds) + partial)
  }

  /// The last tick not after `instant`.
  func tick(at instant: ContinuousClock.Instant) -> Tick {
    let elapsed = origin.duration(to: instant)
    let milliseconds =
      elapsed.components.seconds * 1_000 + elapsed.components.attoseconds / 1_000_000_000_000_000
    return Tick(count: UInt32(clamping: milliseconds / Int64(Self.tickMilliseconds)))
  }

  /// The first tick not before `instant`.
  func tick(notBefore instant: ContinuousClock.Instant) -> Tick {
    Tick(count: Self.ticks(in: origin.duration(to: instant)))
  }
}

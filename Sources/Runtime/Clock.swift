import Glibc

/// The two times that the program knows; made by the composition root and passed in.
package struct Clock: Sendable {
  private static let zero = ContinuousClock().now

  package init() {}

  /// Nanoseconds on a clock that never jumps, since some moment of this process.
  package var monotonic: Int64 {
    let (seconds, attoseconds) = Self.zero.duration(to: ContinuousClock().now).components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// Microseconds since 2000-01-01 UTC, as Postgres counts time.
  package var wallMicroseconds: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return (Int64(now.tv_sec) - Self.postgresEpoch) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }

  /// Seconds since 1970-01-01 UTC, as HTTP and Standard Webhooks count time.
  package var unixSeconds: Int64 { wallMicroseconds / 1_000_000 + Self.postgresEpoch }

  /// 2000-01-01 in seconds since 1970.
  private static let postgresEpoch: Int64 = 946_684_800
}

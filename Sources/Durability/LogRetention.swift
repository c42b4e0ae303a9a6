import Runtime

/// How much of the past the log keeps; whichever is less.
package struct LogRetention: Sendable {
  package var age = Duration.seconds(86_400)
  package var bytes = 1 << 30

  package init() {}

  /// Of a segment, before the next is begun; a sixteenth of all, so that what is removed at once is little.
  var segmentBytes: Int { max(Self.segmentBytesMin, min(Self.segmentBytesMax, bytes / 16)) }

  private static let segmentBytesMin = 65_536
  private static let segmentBytesMax = 64 << 20

  /// How many of the oldest segments are to go. The newest stays always.
  ///
  /// - Parameters:
  ///   - serial: the frames that a checkpoint includes; segments with others stay.
  ///   - now: microseconds since 2000-01-01 UTC.
  func countOld(_ segments: [LogSegment], includedUpTo serial: UInt64, now: Int64) -> Int {
    var left = segments.reduce(0) { $0 + $1.end }
    var count = 0
    for segment in segments.dropLast() {
      let isOld = segment.committedAt.map { now - $0 > age.microseconds } ?? false
      guard left > bytes || isOld, segment.lastSerial <= serial else { break }
      left -= segment.end
      count += 1
    }
    return count
  }
}

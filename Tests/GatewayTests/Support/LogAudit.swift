import Engine
import Logging
import Testing

@testable import Durability

/// Reads the whole of a change log that nobody writes.
enum LogAudit {
  /// - Returns: how many steps it has.
  /// - Throws: unless it is without a gap, and each position of one history comes once and in order.
  static func countSteps(_ folder: String) throws -> Int {
    let found = RecordedLog()
    let directory = try DataDirectory(folder)
    defer { directory.release() }
    let index = try LogRecovery(directory: directory, logger: found.logger).run()
    try #require(!found.has("log_damaged"))
    var last: Position?
    var count = 0
    for segment in index.segments {
      var scanner = try FrameScanner(segment.file, to: segment.end)
      while let frame = try scanner.nextWhole() {
        guard case .step(let step) = try LogRecord(frame.body) else { continue }
        if let last, last.epoch == step.position.epoch {
          try #require(step.position.lsn > last.lsn, "\(step.position) behind \(last)")
        }
        last = step.position
        count += 1
      }
    }
    return count
  }
}

import Foundation

/// Reads times of requests.
enum TimeReader {
  /// Microseconds since 2000-01-01 UTC of an RFC 3339 time.
  static func microseconds(_ text: String) -> Int64? {
    guard text.utf8.count <= 40 else { return nil }
    let parsed =
      (try? Date(text, strategy: .iso8601))
      ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    guard let parsed else { return nil }
    return Int64((parsed.timeIntervalSince1970 - 946_684_800) * 1_000_000)
  }
}

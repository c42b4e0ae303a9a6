import Foundation

/// How often tests kill.
enum KillCount {
  /// As `ONHAND_TEST_KILLS` says, for a proof some hundreds.
  static func asked(orElse usual: Int) -> Int {
    ProcessInfo.processInfo.environment["ONHAND_TEST_KILLS"].flatMap { Int($0) } ?? usual
  }
}

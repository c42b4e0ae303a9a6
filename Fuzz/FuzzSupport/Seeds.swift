import Foundation

/// What a fuzz target starts from.
package enum Seeds {
  /// Writes `seeds` as files into the folder that ONHAND_FUZZ_SEEDS names and ends the process, where
  /// it names one. For `LLVMFuzzerInitialize`.
  package static func writeIfAsked(_ seeds: [[UInt8]]) {
    guard let folder = ProcessInfo.processInfo.environment["ONHAND_FUZZ_SEEDS"] else { return }
    for (number, seed) in seeds.enumerated() {
      guard
        FileManager.default.createFile(atPath: "\(folder)/seed-\(number)", contents: Data(seed))
      else { exit(1) }
    }
    exit(0)
  }
}

import Foundation

/// The acceptance data beside a checkout, where there is any.
enum AcceptanceCases {
  /// The folder: `ONHAND_CASES`, or `../shared/cases` beside the package.
  private static let folder: String? = {
    var package = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { package.deleteLastPathComponent() }
    let named = ProcessInfo.processInfo.environment["ONHAND_CASES"]
    let beside = package.deletingLastPathComponent().appendingPathComponent("shared/cases").path
    return [named, beside].compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: "\($0)/orders.sql")
    }
  }()

  static var isThere: Bool { folder != nil }

  static func sql(_ name: String) throws -> String {
    try String(contentsOfFile: "\(folder ?? "")/\(name)", encoding: .utf8)
  }
}

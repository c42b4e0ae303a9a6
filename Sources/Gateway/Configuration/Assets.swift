import Foundation

/// Finds the files that come with the program.
enum Assets {
  /// The nearest folder above the executable, or the current one, that holds `web-static`.
  static func locate() -> String? {
    let executable = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    var candidates = [FileManager.default.currentDirectoryPath]
    var folder = executable.deletingLastPathComponent()
    for _ in 0..<5 {
      candidates.insert(folder.path, at: candidates.count - 1)
      folder.deleteLastPathComponent()
    }
    return candidates.first {
      FileManager.default.fileExists(atPath: "\($0)/web-static/index.html")
    }
  }
}

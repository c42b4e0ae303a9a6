import Foundation
import Logging

/// Writes each event as one line of fields to standard error: `time level event key=value ...`.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info
  private let label: String

  init(_ label: String) { self.label = label }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
    var line = "\(Date().formatted(.iso8601)) \(event.level) \(event.message)"
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(Self.quoted("\(value)"))"
    }
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  /// The value as it is where it is one word, else as a quoted string on one line.
  private static func quoted(_ value: String) -> String {
    let isWord = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D }
    guard !isWord else { return value }
    let escaped = value.flatMap { character -> [Character] in
      switch character {
      case "\n", "\r\n", "\r": ["\\", "n"]
      case "\"", "\\": ["\\", character]
      default: [character]
      }
    }
    return "\"\(String(escaped))\""
  }
}

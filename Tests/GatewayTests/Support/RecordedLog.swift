import Logging
import Synchronization

/// The names of what was logged.
final class RecordedLog: Sendable {
  private let names = Mutex<[String]>([])

  var logger: Logger { Logger(label: "test", factory: { _ in Handler(log: self) }) }

  func has(_ name: String) -> Bool { names.withLock { $0.contains(name) } }

  var all: [String] { names.withLock { $0 } }

  private func add(_ name: String) { names.withLock { $0.append(name) } }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.add("\(event.message)") }
  }
}

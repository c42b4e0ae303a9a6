import Engine
import Logging
import Synchronization

/// Holds the configured availability against the views each time they are made anew, so that operators learn of a wrong
/// column from the log and `/readyz` and not from a shop that gets 404.
final class AvailabilityWatch: Sendable {
  private let configuration: AvailabilityConfiguration?
  private let logger: Logger
  private let found = Mutex<String?>(nil)

  init(_ configuration: AvailabilityConfiguration?, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Why availability can't be told from the views that are served; nil if it can, if none is configured, or before the
  /// first views are complete.
  var problem: String? { found.withLock { $0 } }

  /// Called with views that have become complete, before anybody asks about them.
  func viewsReplaced(_ views: ViewDirectory) {
    let problem = configuration.flatMap { Self.problem($0, views) }
    let isNews = found.withLock { found in
      defer { found = problem }
      return found != problem
    }
    guard isNews else { return }
    if let problem {
      logger.error("availability_not_configured", metadata: ["reason": "\(problem)"])
    } else {
      logger.notice("availability_mended")
    }
  }

  private static func problem(_ configuration: AvailabilityConfiguration, _ views: ViewDirectory)
    -> String?
  {
    var name = configuration.view
    guard let view = name.withUTF8({ views.find(UnsafeRawBufferPointer($0)) }) else {
      return "no view that is served is called \(configuration.view)"
    }
    do throws(AvailabilityFault) {
      _ = try AvailabilityReader(view, configuration.columns)
      return nil
    } catch {
      return "\(view.name): \(error)"
    }
  }
}

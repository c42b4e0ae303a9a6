import ArgumentParser
import Capture
import Catalog

/// Looks at the views before anything is started, so that what can't be served is refused at once.
enum Preflight {
  /// - Throws: why a view is refused. A database that can't be reached is no reason: capture will try again.
  static func check(_ configuration: CaptureConfiguration) throws {
    do {
      try ViewCheck.check(configuration)
    } catch let refusal as Refusal {
      throw ValidationError(refusal.description)
    } catch is PostgresError {
      return
    }
  }
}

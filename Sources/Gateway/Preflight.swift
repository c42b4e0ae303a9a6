import ArgumentParser
import Capture
import Catalog

/// Looks at the views before anything is started, so that what can't be served is refused at once.
enum Preflight {
  /// - Throws: why a view is refused, or what the database denies. A database that can't be reached is no reason: capture
  ///   will try again.
  static func check(_ configuration: CaptureConfiguration) throws {
    do {
      try CompiledViews.check(configuration)
    } catch let refusal as Refusal {
      throw ValidationError(refusal.description)
    } catch let error as PostgresError {
      // Class 42: access denied, or names that are not there. The rest may pass.
      if error.sqlState.hasPrefix("42") { throw ValidationError("database: \(error)") }
    }
  }
}

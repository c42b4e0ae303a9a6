import ArgumentParser
import Capture
import Catalog
import Logging

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

  /// The views to serve where the configuration names none: all that can be.
  ///
  /// Logs a line for each view of the database, yes or no and why, and what `onhand init` would run for more of them.
  static func survey(_ configuration: CaptureConfiguration, _ logger: Logger) throws
    -> [CaptureConfiguration.View]
  {
    let survey: ViewSurvey
    do { survey = try ViewSurvey(configuration) } catch {
      throw ValidationError("`views` names none, and the database can't be asked: \(error)")
    }
    for entry in survey.entries {
      let reason = entry.lastingRefusal ?? entry.refusal
      logger.info(
        "view",
        metadata: [
          "name": "\(entry.view.name)", "served": entry.refusal == nil ? "yes" : "no",
          "reason": "\(reason.map { "\($0.construct): \($0.advice)" } ?? "")",
        ])
    }
    for statement in survey.statements {
      logger.notice("init_would_run", metadata: ["sql": "\(statement)"])
    }
    guard !survey.servable.isEmpty else {
      throw ValidationError(
        survey.preparable.isEmpty
          ? "no view of the database can be kept live: the log says why; CREATE VIEW ... one that can"
          : "no view can be served yet: run `onhand init`, which the log shows, first")
    }
    return survey.servable
  }
}

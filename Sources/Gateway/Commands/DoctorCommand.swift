import ArgumentParser
import Capture

/// `onhand doctor`
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tells what keeps the database from being followed, a line each with its remedy.",
    discussion:
      "Changes nothing. Ends with 1 if there is a problem. Looks at all views where none are configured."
  )

  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let findings = Doctor.examine(try options.read().capture)
    for finding in findings {
      let level = finding.level.rawValue.padding(8)
      print("\(level) \(finding.text)" + (finding.remedy.map { ": \($0)" } ?? ""))
    }
    if findings.contains(where: { $0.level == .problem }) { throw ExitCode.failure }
  }
}

extension Doctor.Remedy: CustomStringConvertible {
  package var description: String {
    switch self {
    case .sql(let statements): statements.joined(separator: "; ")
    case .initialise: "run `onhand init`"
    case .advice(let text): text
    case .setting("wal_level", let value):
      "ALTER SYSTEM SET wal_level = \(value), then start the server again; on Amazon RDS set "
        + "rds.logical_replication = 1, on Google Cloud SQL cloudsql.logical_decoding = on, "
        + "elsewhere look for logical replication among the service's settings"
    case .setting(let name, let value):
      "ALTER SYSTEM SET \(name) = \(value), then start the server again"
    }
  }
}

extension String {
  fileprivate func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

import ArgumentParser
import Foundation

/// Where a command's configuration comes from.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    help: "A YAML file; each of its keys can also be given as ONHAND_..., as ONHAND_DATABASE.")
  var config: String?

  /// - Parameter web: given on the command line, where it goes before what is configured.
  func read(web: String? = nil) throws -> Configuration {
    do {
      var configuration = try ConfigurationReader.read(
        path: config, environment: ProcessInfo.processInfo.environment)
      if let web { try configuration.setWeb(web) }
      return configuration
    } catch let failure as ConfigurationReader.Failure {
      throw ValidationError(failure.description)
    }
  }
}

import ArgumentParser
import Foundation

/// Where a command's configuration comes from.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    help: "A YAML file; each of its keys can also be given as ONHAND_..., as ONHAND_DATABASE.")
  var config: String?

  func read() throws -> Configuration {
    do {
      return try ConfigurationReader.read(
        path: config, environment: ProcessInfo.processInfo.environment)
    } catch let failure as ConfigurationReader.Failure {
      throw ValidationError(failure.description)
    }
  }
}

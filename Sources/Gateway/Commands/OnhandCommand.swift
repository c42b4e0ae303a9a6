import ArgumentParser

/// `onhand`: live PostgreSQL views over HTTP.
package struct OnhandCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "onhand",
    abstract: "Keeps PostgreSQL views live from the write-ahead log and serves them over HTTP.",
    subcommands: [
      ServeCommand.self, InitCommand.self, DoctorCommand.self, VerifyCommand.self,
      DemoCommand.self,
    ])

  package init() {}
}

import ArgumentParser
import Capture
import Engine
import Logging
import Runtime

/// `onhand verify`
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Follows the database as serve does, and compares rows of each view with it.",
    discussion:
      "Chooses rows at random and compares them at one position each. Ends with 1 if any differs.")

  @OptionGroup var options: ConfigurationOptions

  @Option(help: "How many rows of each view.")
  var keys = 1_000

  func run() async throws {
    var configuration = try options.read()
    let logger = Logger(label: "onhand", factory: LineLogHandler.init)
    if configuration.views.isEmpty {
      configuration.views = try Preflight.survey(configuration.capture, logger)
    } else {
      try Preflight.check(configuration.capture)
    }
    let clock = Clock()
    let store = ViewStore(readers: 1, hashSeed: .random(in: 0 ... .max))
    let capture = Capture(configuration.capture, store: store, clock: clock, logger: logger)
    capture.start()
    while store.gate.visible.position == nil { try await Task.sleep(for: .milliseconds(50)) }
    let differences = try compare(
      configuration,
      ViewVerifier(
        store: store, reader: 0, clock: clock, stop: StopFlag(),
        positionIsAwaited: { capture.positionIsAwaited() }))
    await withCheckedContinuation { continuation in capture.stop { continuation.resume() } }
    if differences > 0 { throw ExitCode.failure }
  }

  /// - Returns: how many rows differ.
  private func compare(_ configuration: Configuration, _ verifier: ViewVerifier) throws -> Int {
    let connection = try PostgresConnection(configuration.database)
    var random = SystemRandomNumberGenerator()
    var differences = 0
    for view in verifier.store.gate.visible.views.views {
      guard view.hasKey else {
        print("\(view.name): has no key to compare rows by")
        continue
      }
      let report = try verifier.check(view, count: keys, connection, using: &random)
      print(
        "\(view.name): \(report.checked) rows compared, \(report.skipped) changed meanwhile, "
          + "\(report.differences.count) differ")
      for difference in report.differences { print(difference) }
      differences += report.differences.count
    }
    return differences
  }
}

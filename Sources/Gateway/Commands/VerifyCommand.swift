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
      "Chooses rows at random, of those that are served and of those that the database has, and compares them at one position "
      + "each. Ends with 1 if any differs.")

  @OptionGroup var options: ConfigurationOptions

  @Option(help: "How many rows of each view, from either side.")
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
    var differences = 0
    for view in verifier.store.gate.visible.views.views {
      guard view.hasKey else {
        print("\(view.name): has no key to compare rows by")
        continue
      }
      for side in ViewVerifier.Side.allCases {
        differences += try compare(view, side, verifier, connection)
      }
    }
    return differences
  }

  private func compare(
    _ view: LiveView, _ side: ViewVerifier.Side, _ verifier: ViewVerifier,
    _ connection: PostgresConnection
  ) throws -> Int {
    var random = SystemRandomNumberGenerator()
    let report = try verifier.check(view, side, count: keys, connection, using: &random)
    let chosen =
      switch side {
      case .served: "that are served"
      case .database: "of the database"
      }
    print(
      "\(view.name): \(report.checked) rows \(chosen) compared, \(report.skipped) changed "
        + "meanwhile, \(report.differences.count) differ")
    for difference in report.differences { print(difference) }
    return report.differences.count
  }
}

import ArgumentParser
import Capture
import Catalog
import Logging

/// `onhand serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves the configured views until SIGTERM or SIGINT.")

  @OptionGroup var options: ConfigurationOptions

  @Option(help: "A folder with a site to serve at / in place of the board.")
  var web: String?

  @Flag(help: .hidden)
  var testEcho = false

  func run() async throws {
    var configuration = try options.read(web: web)
    configuration.hasTestEcho = testEcho
    let logger = Logger(label: "onhand", factory: LineLogHandler.init)
    let signals = StopSignals()
    if configuration.views.isEmpty {
      configuration.views = try Preflight.survey(configuration.capture, logger)
    } else {
      try Preflight.check(configuration.capture)
    }
    let service = try Service(configuration, logger: logger)
    await signals.wait()
    await service.stop()
  }
}

/// `onhand init`
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Prepares the database: schema onhand, replica identities, the publication.",
    discussion: "Safe to repeat: what is there already is left alone.")

  @OptionGroup var options: ConfigurationOptions

  @Flag(help: "Print the SQL and change nothing.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Make the availability view over this view of stock, less what is held.", valueName: "view"))
  var availabilityFrom: String?

  @Option(
    help: ArgumentHelp("Let this role confirm, settle and release holds in SQL.", valueName: "role")
  )
  var shopRole: String?

  func run() async throws {
    let configuration = try options.read()
    var capture = configuration.capture
    if capture.views.isEmpty { capture.views = try ViewSurvey(capture).preparable }
    if availabilityFrom != nil || shopRole != nil {
      guard capture.holds != nil else {
        throw ValidationError("holds: is not in the configuration, nor what holds are taken from")
      }
      capture.holds?.stock = availabilityFrom
      capture.holds?.shopRole = shopRole
    }
    let statements = try Initializer(capture).prepare(isRehearsal: dryRun)
    for statement in statements { print("\(statement);") }
    if statements.isEmpty { print("-- Nothing to do.") }
  }
}

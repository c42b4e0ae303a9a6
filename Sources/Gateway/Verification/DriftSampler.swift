import Capture
import Dispatch
import Engine
import Glibc
import Logging
import Runtime

/// Looks, all the time and with little of the database's, whether what is served is what the database says.
final class DriftSampler: @unchecked Sendable {
  // Unchecked: the connection belongs to the queue.
  let keys = Counter()
  /// Has to stay 0.
  let differences = Counter()
  private let queue = DispatchQueue(label: "onhand.drift-sampler")
  private let conninfo: String
  private let verifier: ViewVerifier
  private let logger: Logger
  private var connection: PostgresConnection?

  /// Rows looked at together.
  private static let rowsAtOnce = 4
  private static let intervalMin: Int64 = 5_000_000_000
  /// A look may take so much of the time: a view may be dear to compute.
  private static let share: Int64 = 100
  /// A view that takes longer is compared from the side of what is served alone.
  private static let statementMillisecondsMax = 60_000

  init(conninfo: String, _ verifier: ViewVerifier, logger: Logger) {
    self.conninfo = conninfo
    self.verifier = verifier
    self.logger = logger
  }

  func start() { lookLater(Self.intervalMin) }

  func stop() {
    verifier.stop.set()
    queue.async { self.connection = nil }
  }

  private func lookLater(_ nanoseconds: Int64) {
    queue.asyncAfter(deadline: .now() + .nanoseconds(Int(nanoseconds))) { self.look() }
  }

  private func look() {
    guard !verifier.stop.isSet else { return }
    let started = verifier.clock.monotonic
    do {
      let visible = verifier.store.gate.visible
      let views = visible.views.views.filter {
        visible.staleSince == nil && $0.status(at: visible.sequence).degradation == nil
      }
      if let view = views.randomElement() { try look(at: view) }
    } catch {
      // Of the database or of a view that is being altered: capture tells of it.
      connection = nil
    }
    lookLater(max(Self.intervalMin, (verifier.clock.monotonic - started) * Self.share))
  }

  private func connect() throws -> PostgresConnection {
    let made = try PostgresConnection(conninfo, stop: verifier.stop)
    try made.execute("SET statement_timeout = \(Self.statementMillisecondsMax)")
    return made
  }

  private func look(at view: LiveView) throws {
    let connection = try self.connection ?? connect()
    self.connection = connection
    var random = SystemRandomNumberGenerator()
    let report = try verifier.check(
      view, .random(using: &random), count: Self.rowsAtOnce, connection, using: &random)
    keys.add(report.checked)
    differences.add(report.differences.count)
    for difference in report.differences {
      logger.error("row_differs", metadata: ["reason": "\(difference)"])
    }
  }
}

/// A moment in which others may work; for threads that wait for what nobody tells them of.
///
/// - Parameter doublings: twice as long for each.
func pauseBriefly(doubled doublings: UInt32 = 0) { usleep(2_000 << doublings) }

import Capture
import Dispatch
import Glibc
import Synchronization

/// One connection with a queue of its own, for one kind of work: what waits here holds up nothing else.
///
/// The connection is made when it is needed, and again after it was lost. At most `jobsMax` wait.
final class HoldLane: @unchecked Sendable {
  // Unchecked: the connection belongs to the queue.
  private let queue: DispatchQueue
  private let conninfo: String
  private let stop: StopFlag
  private var open: PostgresConnection?
  /// Counts connections. On the lane's queue only.
  private(set) var connectionNumber = 0
  private let waiting = Atomic<Int>(0)

  static let jobsMax = 10_000

  init(_ name: String, conninfo: String, stop: StopFlag) {
    queue = DispatchQueue(label: "onhand.holds.\(name)")
    self.conninfo = conninfo
    self.stop = stop
  }

  /// Runs `job` later, in order; false if too many wait.
  @discardableResult
  func post(_ job: @escaping @Sendable (HoldLane) -> Void) -> Bool {
    guard waiting.load(ordering: .relaxed) < Self.jobsMax else { return false }
    waiting.wrappingAdd(1, ordering: .relaxed)
    queue.async {
      job(self)
      self.waiting.wrappingSubtract(1, ordering: .relaxed)
    }
    return true
  }

  func post(after delay: Duration, _ job: @escaping @Sendable (HoldLane) -> Void) {
    let milliseconds =
      delay.components.seconds * 1_000
      + delay.components.attoseconds / 1_000_000_000_000_000
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(milliseconds))) { job(self) }
  }

  /// The rows of a statement. On the lane's queue only.
  func query(_ statement: PreparedStatement, _ parameters: [String?] = []) throws(PostgresError)
    -> [[String?]]
  {
    do throws(PostgresError) {
      return try connection().query(statement, parameters)
    } catch {
      if error.isOfConnection { close() }
      throw error
    }
  }

  func close() {
    open = nil
    connectionNumber += 1
  }

  /// Holds up the lane, which has nothing to do without its connection.
  func pause(_ delay: Duration) {
    usleep(
      UInt32(
        clamping: delay.components.seconds * 1_000_000
          + delay.components.attoseconds / 1_000_000_000_000))
  }

  private func connection() throws(PostgresError) -> PostgresConnection {
    if let open { return open }
    let made = try PostgresConnection(conninfo, stop: stop)
    // The role's default may be less; a hold is acknowledged once it is safe.
    try made.execute("SET synchronous_commit = on")
    open = made
    connectionNumber += 1
    return made
  }
}

extension PostgresError {
  /// Whether the same may succeed over a new connection: classes 08 and 57 tell that the session is gone, or about to go.
  var isOfConnection: Bool {
    kind != .statement || sqlState.hasPrefix("57") || sqlState.hasPrefix("08")
  }
}

import Holds
import Server

/// What the parked requests of one worker wait for; touched by that worker only.
final class WaitingHolds: @unchecked Sendable {
  struct Waiting {
    let ticket: HoldTicket
    let draft: HoldDraft?
    /// The beginning of an explanation, and the position that its row was read at.
    var row = ""
    var position = ""
    var deadline: ContinuousClock.Instant
    /// Whether the time is over, and the hold is being marked as undecided.
    var isLate = false
  }

  private var waiting: [RequestID: Waiting] = [:]
  private var additions = 0

  /// How often those are looked for whose clients went away: they are never asked about again.
  private static let sweepInterval = 256

  subscript(request: RequestID) -> Waiting? { waiting[request] }

  func add(_ request: RequestID, _ new: Waiting, now: ContinuousClock.Instant) {
    waiting[request] = new
    additions += 1
    guard additions % Self.sweepInterval == 0 else { return }
    waiting = waiting.filter { $0.value.deadline > now - .seconds(10) }
  }

  func remove(_ request: RequestID) { waiting[request] = nil }
}

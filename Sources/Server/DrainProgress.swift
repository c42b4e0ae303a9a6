/// A drain under way.
struct DrainProgress {
  var deadline = Tick.never
  var completions: [@Sendable (Int) -> Void] = []
  var cutCount = 0
  /// Those there were when it began; each is told in its time.
  var sessions: [ConnectionToken] = []
  var toldCount = 0
  var begin = Tick.never

  /// A client that comes back at once finds another instance, or this one started anew: so it need not be long.
  private static let windowTicksMax = TickClock.ticks(in: .seconds(5))

  /// How many sessions are to have been told at `tick`: spread evenly over a window, which ends in time for them to end too.
  func dueCount(at tick: Tick) -> Int {
    let window = min(Self.windowTicksMax, deadline.ticks(since: begin) / 2)
    guard window > 0 else { return sessions.count }
    return sessions.count * Int(min(window, tick.ticks(since: begin))) / Int(window)
  }
}

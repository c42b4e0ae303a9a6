/// When each session's next heartbeat is due: spread evenly, and found without looking at the others.
///
/// As many slots as ticks in an interval; each tick it is one slot's turn.
struct HeartbeatWheel {
  private var slots: [[ObjectIdentifier: any PushSession]]
  private var current = 0
  private var nextSlot = 0

  /// Of a worker's ticks.
  static let tick = Duration.milliseconds(100)

  init(interval: Duration) {
    slots = Array(repeating: [:], count: max(1, Int(interval / Self.tick)))
  }

  mutating func add(_ session: any PushSession) {
    // The slot farthest ahead would be the fairest for one session, one after the other is for many.
    nextSlot = (nextSlot + 1) % slots.count
    session.heartbeatPlace = nextSlot
    slots[nextSlot][ObjectIdentifier(session)] = session
  }

  mutating func remove(_ session: any PushSession) {
    slots[session.heartbeatPlace][ObjectIdentifier(session)] = nil
  }

  /// The sessions whose turn it is now.
  mutating func advance() -> [any PushSession] {
    current = (current + 1) % slots.count
    return Array(slots[current].values)
  }

  var all: [any PushSession] { slots.flatMap(\.values) }
}

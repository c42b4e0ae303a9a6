/// A worker's connections and when each has waited long enough.
///
/// Deadlines stand side by side, so that looking through 10,000 of them takes some microseconds and
/// setting one is a store: cheaper for a server that sets one per request than any queue kept in
/// order.
struct ConnectionTable {
  private var connections: [Connection?] = []
  private var deadlines: [Tick] = []
  private var freeSlots: [UInt32] = []
  private var lastGeneration: UInt32 = 0
  private(set) var count = 0

  subscript(token: ConnectionToken) -> Connection? {
    let slot = Int(token.slot)
    guard slot < connections.count, let connection = connections[slot],
      connection.token == token
    else { return nil }
    return connection
  }

  /// Those there are now; they may be removed meanwhile.
  var all: [Connection] { connections.compactMap(\.self) }

  mutating func insert(_ socket: AcceptedSocket) -> Connection {
    let slot = freeSlots.popLast() ?? grow()
    lastGeneration &+= 1
    let token = ConnectionToken(slot: slot, generation: lastGeneration)
    let connection = Connection(socket, token)
    connections[Int(slot)] = connection
    count += 1
    return connection
  }

  mutating func remove(_ connection: Connection) {
    let slot = Int(connection.token.slot)
    connections[slot] = nil
    deadlines[slot] = .never
    freeSlots.append(connection.token.slot)
    count -= 1
  }

  mutating func setDeadline(_ deadline: Tick, of connection: Connection) {
    deadlines[Int(connection.token.slot)] = deadline
  }

  /// Those whose deadline is not after `tick`.
  func expired(at tick: Tick) -> [Connection] {
    deadlines.indices.compactMap { slot in
      deadlines[slot] <= tick ? connections[slot] : nil
    }
  }

  private mutating func grow() -> UInt32 {
    connections.append(nil)
    deadlines.append(.never)
    return UInt32(connections.count - 1)
  }
}

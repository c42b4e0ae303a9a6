import Engine

/// How far an endpoint's receiver was told, as the database has it.
struct EndpointRecord: Sendable {
  /// Nil before anybody began.
  var cursor: Position?
  var exceptions: [[UInt8]: Position] = [:]
}

/// What is to be written of one endpoint.
struct EndpointWrite: Sendable {
  let endpoint: String
  let epoch: Epoch
  let progress: OutboxProgress
  /// Deliveries that were given up.
  var parked: [ParkedDelivery] = []
  /// Whether `replay_after` was followed.
  var clearsReplay = false
  /// Whether exceptions of an earlier history are dropped.
  var dropsExceptions = false

  var cursor: Position { Position(epoch: epoch, lsn: progress.cursor) }
}

/// A delivery that nobody tries any more.
struct ParkedDelivery: Sendable {
  let id: String
  let body: [UInt8]
  let failure: String
}

/// A parked delivery that somebody wants to be sent once more.
struct AskedForDelivery: Sendable {
  let number: Int
  let endpoint: String
  let id: String
  let body: [UInt8]
}

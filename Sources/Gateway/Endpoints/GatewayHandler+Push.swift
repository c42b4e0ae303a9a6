import Engine
import HTTPWire
import Server

extension GatewayHandler {
  func gatherReady(worker: Int, _ cause: GatherCause, _ ready: inout [SessionID]) {
    push.worker(worker).gather(cause, &ready)
  }

  func roundBegins(worker: Int) { push.worker(worker).beginRound() }

  func roundEnds(worker: Int) { push.worker(worker).endRound() }

  /// `GET /v1/live`
  func openSocket(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    let handshake: WebSocketHandshake
    do throws(HandshakeRefusal) {
      handshake = try WebSocketHandshake(request)
    } catch {
      response.refuse(handshake: error)
      return .respond
    }
    guard crossOrigins.mayConnect(request) else {
      throw Refused(.originNotAllowed, "add the page's origin to cors in the configuration")
    }
    let reader = try permissions.reader(ofSocket: request, subprotocols: handshake.subprotocols)
    if handshake.subprotocols.contains(LiveSession.subprotocol) {
      response.addField("Sec-WebSocket-Protocol", LiveSession.subprotocol)
    }
    let session = LiveSession(push.worker(context.workerIndex), permissions, reader)
    let limits = MessageLimits(messageBytesMax: LiveSession.messageBytesMax)
    return .webSocket(session, WebSocketOptions(handshake, limits))
  }

  /// `GET /v1/views/{view}/changes`: a page, a long poll or a stream of events.
  func changes(
    _ name: ByteView, _ reader: Reader, _ parameters: ReadParameters,
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    guard let view = name.percentDecoded(.path) else {
      throw Refused(.unknownView, "the name is not percent-encoded")
    }
    let query = try ChangesQuery(view, parameters, request)
    if query.wantsEvents { return try stream(query, reader, &response, context) }
    var parameters = parameters
    try requireReachable(query.subscription, &parameters)
    if let lsn = try missingPosition(parameters, context) {
      try check(query, reader, parameters, context)
      let deadline = context.began + parameters.wait
      guard try startWaiting(lsn, until: deadline, context) else { return .park(until: deadline) }
    }
    let worker = push.worker(context.workerIndex)
    let visible = worker.enter()
    defer { worker.leave() }
    try addPosition(visible, &response)
    let read = Read(
      visible: visible, reader: reader, parameters: parameters,
      scratch: scratch[context.workerIndex])
    let endpoint = ChangesEndpoint(query: query, read: read, worker: worker)
    return try endpoint.answer(waiting: longPoll(parameters, context), &response, context)
  }

  /// Refuses what is wrong before it is waited for, as `check(_:_:_:_:_:)` does of reads.
  private func check(
    _ query: ChangesQuery, _ reader: Reader, _ parameters: ReadParameters,
    _ context: borrowing RequestContext
  ) throws(Refused) {
    let worker = push.worker(context.workerIndex)
    let visible = worker.enter()
    defer { worker.leave() }
    guard visible.position != nil else { return }
    try query.subscription.check(
      Read(
        visible: visible, reader: reader, parameters: parameters,
        scratch: scratch[context.workerIndex]))
  }

  /// What the client has seen may be ahead of this instance: it must not be told anything older.
  private func requireReachable(_ asked: SubscriptionRequest, _ parameters: inout ReadParameters)
    throws(Refused)
  {
    guard let after = asked.after, let current = push.visiblePosition else { return }
    guard after.epoch == current.epoch else {
      throw Refused(
        .positionGone,
        "it is of epoch \(after.epoch), the database's history is now \(current.epoch); read the rows anew"
      )
    }
    parameters.minPosition = try asked.start(at: current).map { .lsn($0) }
  }

  private func longPoll(_ parameters: ReadParameters, _ context: borrowing RequestContext)
    -> Duration?
  {
    switch context.cause {
    case .arrived, .woken: parameters.givenWait.flatMap { $0 > .zero ? $0 : nil }
    case .deadlinePassed, .draining: nil
    }
  }

  private func stream(
    _ query: ChangesQuery, _ reader: Reader, _ response: inout Response,
    _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    let worker = push.worker(context.workerIndex)
    let visible = worker.enter()
    defer { worker.leave() }
    let read = Read(
      visible: visible, reader: reader, parameters: ReadParameters(),
      scratch: scratch[context.workerIndex])
    do throws(Refused) {
      // First: as long as there is no position there are no views either.
      try addPosition(visible, &response)
      try query.subscription.check(read)
    } catch {
      // What passes is told by an event, since a browser comes back when a stream ends, and never after a status.
      guard error.problem.status == .serviceUnavailable else { throw error }
    }
    response.mediaType = .eventStream
    response.addField("Cache-Control", "no-store")
    // nginx would keep events back otherwise.
    response.addField("X-Accel-Buffering", "no")
    return .stream(EventSession(worker, query.subscription, reader))
  }
}

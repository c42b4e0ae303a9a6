import HTTPWire

/// What answers requests.
package protocol RequestHandler: Sendable {
  /// Fills `response`, or parks the request.
  ///
  /// Called on the queue of the worker that owns the connection, which serves its other connections
  /// only after the return. `request` is valid during the call. What was written to `response` is
  /// dropped when the request is parked.
  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome

  /// Appends to `ready` the sessions of a worker that have something to tell.
  ///
  /// Called on the worker's queue. A session named may be named again or be gone: neither does harm.
  func gatherReady(worker: Int, _ cause: GatherCause, _ ready: inout [SessionID])

  /// Many sessions of a worker are about to be asked for messages, one after the other and with nothing in between, so that
  /// what they have in common can be found out once.
  ///
  /// Called on the worker's queue, as ``roundEnds(worker:)`` is behind the last of them.
  func roundBegins(worker: Int)
  func roundEnds(worker: Int)
}

extension RequestHandler {
  package func gatherReady(worker: Int, _ cause: GatherCause, _ ready: inout [SessionID]) {}
  package func roundBegins(worker: Int) {}
  package func roundEnds(worker: Int) {}
}

/// What a handler made of a request.
///
/// What is not the usual case is boxed: the layout of a payload of the standard library is looked up while the program runs,
/// which every request would pay for.
package enum Outcome {
  /// The response is complete.
  case respond
  /// The request cannot be answered yet. The handler is called with it again after a wake and at
  /// `until`; meanwhile no other request of the connection is looked at. When too many wait the
  /// client is told 503. A client that closes, or has finished sending, is taken to be gone.
  indirect case park(until: ContinuousClock.Instant)
  /// The connection becomes a WebSocket. Of the response its fields are sent, with 101. A client that
  /// has too many sessions is told 429, and the session never begins.
  indirect case webSocket(any Session, WebSocketOptions)
  /// The response's head is sent, and its body is what the session produces. After HEAD, or where the
  /// client has too many sessions, the session never begins.
  indirect case stream(any Session)
}

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
}

/// What a handler made of a request.
package enum Outcome: Sendable {
  /// The response is complete.
  case respond
  /// The request cannot be answered yet. The handler is called with it again after a wake and at
  /// `until`; meanwhile no other request of the connection is looked at. When too many wait the
  /// client is told 503. A client that closes, or has finished sending, is taken to be gone.
  case park(until: ContinuousClock.Instant)
}

import HTTPWire

extension Worker {
  /// Read at once; what a client sends beyond it waits in the kernel.
  private static let receiveBytesMax = 65_536
  /// Answers gathered for one connection before they are sent.
  private static let gatherBytesMax = 65_536

  /// Reads what has arrived and serves the requests that it completes.
  func receive(_ connection: Connection) {
    scratch.removeAll()
    switch connection.receive(into: &scratch, upTo: Self.receiveBytesMax) {
    case .bytes:
      switch connection.phase {
      case .receiving: serveScratch(connection)
      case .session: receiveOfSession(connection)
      case .parked, .compressing, .closing, .lingering, .closed: break
      }
    case .wouldBlock:
      settle(connection)
    case .end, .failed:
      close(connection)
    }
  }

  /// Serves what `connection` kept, from the request at the front on.
  func serveInput(_ connection: Connection, _ cause: AttemptCause) {
    let rest = serve(connection, connection.input.mutableBytes, cause)
    connection.input.keep(rest)
    if connection.input.isEmpty { connection.input.release() }
    proceed(connection)
  }

  /// Goes on after requests have been served.
  private func proceed(_ connection: Connection) {
    if connection.phase == .session { resumeSession(connection) } else { settle(connection) }
  }

  private func serveScratch(_ connection: Connection) {
    guard connection.input.isEmpty else {
      connection.input.append(scratch.view)
      return serveInput(connection, .arrived)
    }
    let rest = serve(connection, scratch.mutableBytes, .arrived)
    if !rest.isEmpty { connection.input.append(scratch.view[rest]) }
    proceed(connection)
  }

  /// Serves the requests at the front of `bytes`, of which there are some; returns what has to be
  /// kept.
  ///
  /// `cause` is why the first of them is tried.
  private func serve(
    _ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer, _ cause: AttemptCause
  ) -> Range<Int> {
    var rest = 0..<bytes.count
    var cause = cause
    repeat {
      let front = UnsafeMutableRawBufferPointer(rebasing: bytes[rest])
      switch connection.decoder.decode(front, limits.request, &fields) {
      case .incomplete(let kept):
        flush(connection)
        return rest.lowerBound..<rest.lowerBound + kept
      case .awaitsContinue(let kept):
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
        flush(connection)
        return rest.lowerBound..<rest.lowerBound + kept
      case .complete(let frame):
        if attempt(connection, frame, UnsafeRawBufferPointer(front), cause) {
          rest = rest.lowerBound + frame.end..<rest.upperBound
        }
      case .refused(let refusal):
        refuse(connection, refusal, of: UnsafeRawBufferPointer(front))
      }
      cause = .arrived
      if output.count >= Self.gatherBytesMax { flush(connection) }
    } while connection.phase == .receiving && !connection.hasOutput && !rest.isEmpty
    flush(connection)
    return rest
  }

  /// Lets the handler try a request; false when the answer is yet to come.
  private func attempt(
    _ connection: Connection, _ frame: RequestFrame, _ bytes: UnsafeRawBufferPointer,
    _ cause: AttemptCause
  ) -> Bool {
    let request = Request(frame, bytes, fields)
    if let answer = connection.answer {
      response = answer.takeResponse()
      finish(connection, request)
      return true
    }
    connection.attempts += 1
    if connection.attempts == 1, requestLog != nil { connection.begin = .now }
    response.reset()
    let context = RequestContext(self, connection, cause)
    switch handler.handle(request, &response, context) {
    case .respond:
      if startCompressing(connection, request) { return false }
    case .park(let deadline):
      if let refusal = refusalToPark(connection, request) {
        response.refuse(refusal)
      } else {
        park(connection, until: deadline)
        return false
      }
    case .webSocket(let session, let options):
      if openWebSocket(connection, request, session, options) { return true }
    case .stream(let session):
      if openStream(connection, request, session) { return true }
    }
    finish(connection, request)
    return true
  }

  private func refusalToPark(
    _ connection: Connection, _ request: borrowing Request
  ) -> ServerRefusal? {
    guard parkedCount < parkedRequestsMax else { return .parkedTooMany }
    return admitClient(connection, request) ? nil : .parkedOfAddressTooMany
  }

  /// Gives the answer in `response` and turns to the next request.
  func finish(
    _ connection: Connection, _ request: borrowing Request, _ length: Response.Length = .known
  ) {
    requestLog?.name(request, on: connection, in: &response)
    encode(connection, request, length)
    requestLog?.note(request, on: connection, response)
    releaseClient(connection)
    connection.nextRequest()
  }

  private func encode(
    _ connection: Connection, _ request: borrowing Request, _ length: Response.Length
  ) {
    let keepsAlive = request.keepsAlive && drain == nil
    let framing = Response.Framing(
      version: request.version, keepsAlive: keepsAlive, omitsBody: request.method == .head,
      length: length)
    response.encode(into: &output, framing, dateField: dateField.view)
    guard !keepsAlive else { return }
    connection.phase = .closing
    // A client that did not ask for the end may have sent more.
    connection.lingers = request.keepsAlive
  }

  /// Gives the last answer on a connection whose bytes cannot be followed any further.
  ///
  /// - Parameter request: what has arrived of it.
  func refuse(
    _ connection: Connection, _ problem: some ProblemCode, of request: UnsafeRawBufferPointer
  ) {
    unpark(connection)
    response.refuse(problem)
    let omitsBody = RequestDecoder.asksForHeadOnly(request)
    let framing = Response.Framing(version: .http11, keepsAlive: false, omitsBody: omitsBody)
    response.encode(into: &output, framing, dateField: dateField.view)
    requestLog?.note(problem, on: connection, response, omitsBody: omitsBody)
    connection.phase = .closing
    connection.lingers = true
  }
}

import HTTPWire

extension Worker {
  /// Hands the answer in `response` to the compressor, if `request` wants that; the request then
  /// stays at the front until it is done.
  func startCompressing(_ connection: Connection, _ request: borrowing Request) -> Bool {
    guard response.isCompressible, AcceptedCodings(request).preferGzip else { return false }
    guard response.status != .notModified else {
      // RFC 9110 15.4.5: the tag is the one that the whole answer would have had.
      response.weakenTag()
      return false
    }
    let answer = PendingAnswer(exchange(&response, with: Response()))
    let (token, number) = (connection.token, connection.requestNumber)
    let isTaken = compressor.compress(answer) { [self] in
      post { $0.finishCompressing(token, requestNumber: number) }
    }
    guard isTaken else {
      response = answer.takeResponse()
      return false
    }
    connection.answer = answer
    connection.phase = .compressing
    return true
  }

  private func finishCompressing(_ token: ConnectionToken, requestNumber: UInt32) {
    guard let connection = table[token], connection.phase == .compressing,
      connection.requestNumber == requestNumber
    else { return }
    connection.phase = .receiving
    serveInput(connection, .woken)
  }
}

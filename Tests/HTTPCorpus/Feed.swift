import HTTPWire

/// What came out of bytes: whole requests, then why there were no more.
package struct Reading: Equatable, Sendable {
  package var requests: [Parsed] = []
  package var end = End.between

  package enum End: Equatable, Sendable {
    /// Everything was used up.
    case between
    /// Part of a request is left.
    case within
    case refused(RequestRefusal)
  }

  package init(requests: [Parsed] = [], end: End = .between) {
    self.requests = requests
    self.end = end
  }
}

/// A request with its bytes copied out.
package struct Parsed: Equatable, Sendable {
  package var method: Method
  package var version: HTTPVersion
  package var path: String
  package var query: String
  package var host: String
  package var fields: [String]
  package var body: [UInt8]
  package var keepsAlive: Bool
}

/// Shows `bytes` to a decoder as a server would, in pieces that end at `cuts`.
package func feed(
  _ bytes: [UInt8], cuts: [Int] = [], limits: RequestLimits = RequestLimits()
) -> Reading {
  var feeder = Feeder(limits)
  var start = 0
  for cut in cuts + [bytes.count] {
    feeder.feed(bytes[start..<cut])
    start = cut
  }
  return feeder.reading
}

/// Shows `bytes` one by one.
package func feedSingly(_ bytes: [UInt8], limits: RequestLimits = RequestLimits()) -> Reading {
  feed(bytes, cuts: Array(bytes.indices), limits: limits)
}

private struct Feeder: ~Copyable {
  private(set) var reading = Reading()
  private var kept: [UInt8] = []
  private var decoder = RequestDecoder()
  private var fields: FieldTable
  private let limits: RequestLimits

  init(_ limits: RequestLimits) {
    self.limits = limits
    fields = FieldTable(capacity: limits.fieldCountMax)
  }

  mutating func feed(_ piece: ArraySlice<UInt8>) {
    if case .refused = reading.end { return }
    kept += piece
    while !kept.isEmpty, decodeOne() {}
    if case .refused = reading.end { return }
    reading.end = kept.isEmpty ? .between : .within
  }

  private mutating func decodeOne() -> Bool {
    // An allocation of its own: the address sanitizer sees a read behind its end.
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: kept.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: kept)
    switch decoder.decode(memory, limits, &fields) {
    case .incomplete(let count), .awaitsContinue(let count):
      kept = Array(memory[..<count])
      return false
    case .refused(let refusal):
      reading.end = .refused(refusal)
      return false
    case .complete(let frame):
      reading.requests.append(
        Parsed(Request(frame, UnsafeRawBufferPointer(memory), fields)))
      kept = Array(memory[frame.end...])
      decoder.next()
      return true
    }
  }
}

extension Parsed {
  init(_ request: borrowing Request) {
    var fields: [String] = []
    request.forEachField { fields.append($0.string + "=" + $1.string) }
    self.init(
      method: request.method, version: request.version, path: request.path.string,
      query: request.query.string, host: request.host.string, fields: fields,
      body: Array(request.body.bytes), keepsAlive: request.keepsAlive)
  }
}

import HTTPWire

/// What came out of bytes: whole requests, then why there were no more.
struct Outcome: Equatable {
  var requests: [Parsed] = []
  var end = End.between

  enum End: Equatable {
    /// Everything was used up.
    case between
    /// Part of a request is left.
    case within
    case refused(RequestRefusal)
  }
}

/// A request with its bytes copied out.
struct Parsed: Equatable {
  var method: Method
  var version: HTTPVersion
  var path: String
  var query: String
  var host: String
  var fields: [String]
  var body: [UInt8]
  var keepsAlive: Bool
}

/// Shows `bytes` to a decoder as a server would, in pieces that end at `cuts`.
func feed(
  _ bytes: [UInt8], cuts: [Int] = [], limits: RequestLimits = RequestLimits()
) -> Outcome {
  var feeder = Feeder(limits)
  var start = 0
  for cut in cuts + [bytes.count] {
    feeder.feed(bytes[start..<cut])
    start = cut
  }
  return feeder.outcome
}

/// Shows `bytes` one by one.
func feedSingly(_ bytes: [UInt8], limits: RequestLimits = RequestLimits()) -> Outcome {
  feed(bytes, cuts: Array(bytes.indices), limits: limits)
}

private struct Feeder: ~Copyable {
  private(set) var outcome = Outcome()
  private var kept: [UInt8] = []
  private var decoder = RequestDecoder()
  private var fields: FieldTable
  private let limits: RequestLimits

  init(_ limits: RequestLimits) {
    self.limits = limits
    fields = FieldTable(capacity: limits.fieldCountMax)
  }

  mutating func feed(_ piece: ArraySlice<UInt8>) {
    if case .refused = outcome.end { return }
    kept += piece
    while !kept.isEmpty, decodeOne() {}
    if case .refused = outcome.end { return }
    outcome.end = kept.isEmpty ? .between : .within
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
      outcome.end = .refused(refusal)
      return false
    case .complete(let frame):
      outcome.requests.append(
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

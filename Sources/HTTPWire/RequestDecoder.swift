/// Finds one request after another at the front of a connection's bytes.
///
/// It holds only how far the request at the front has come; the bytes stay with the caller, who
/// shows them from the request's start with what has newly arrived behind. Heads are parsed again
/// rather than kept, so a waiting connection costs its bytes and nothing else.
package struct RequestDecoder: Sendable {
  private var stage = Stage.head

  private enum Stage: Sendable {
    case head
    case sizedBody(start: Int, end: Int)
    case chunkedBody(ChunkedBody)
    case complete(body: Range<Int>, end: Int)
  }

  /// What the bytes amount to.
  package enum Step: Sendable {
    /// More is needed. The first `kept` bytes have to be shown again, any behind them are spent.
    case incomplete(kept: Int)
    /// As `incomplete`, and the sender waits for `100 Continue` before it goes on (RFC 9110
    /// 10.1.1).
    case awaitsContinue(kept: Int)
    /// A request. It is found again until `next` is called.
    case complete(RequestFrame)
    case refused(RequestRefusal)
  }

  /// What part of a request is awaited.
  package enum Awaited: Sendable {
    case head, body
  }

  package init() {}

  package var awaited: Awaited {
    switch stage {
    case .head: .head
    case .sizedBody, .chunkedBody, .complete: .body
    }
  }

  /// Whether the request at the front of `bytes` is a HEAD, as far as that can be told from one that
  /// is refused or incomplete: its answer must have no body all the same (RFC 9110 9.3.2).
  package static func asksForHeadOnly(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let view = ByteView(bytes)
    return view.hasPrefix("HEAD ") || view.hasPrefix("\r\nHEAD ")
  }

  /// Goes on to the request behind the one found.
  package mutating func next() {
    stage = .head
  }

  /// Looks for a request at the front of `bytes`, which may be changed where a body is joined.
  package mutating func decode(
    _ bytes: UnsafeMutableRawBufferPointer, _ limits: RequestLimits, _ fields: inout FieldTable
  ) -> Step {
    do {
      return try advance(bytes, limits, &fields)
    } catch {
      switch error {
      case .incomplete: return .incomplete(kept: bytes.count)
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  private mutating func advance(
    _ bytes: UnsafeMutableRawBufferPointer, _ limits: RequestLimits, _ fields: inout FieldTable
  ) throws(HeadStop) -> Step {
    switch stage {
    case .head:
      let head = try HeadParser.parse(UnsafeRawBufferPointer(bytes), limits, &fields)
      return try begin(head, bytes, limits, &fields)
    case .sizedBody(let start, let end):
      guard bytes.count >= end else { throw .incomplete }
      stage = .complete(body: start..<end, end: end)
    case .chunkedBody(var body):
      let start = body.start
      let progress = try body.advance(bytes, limits)
      stage = .chunkedBody(body)
      switch progress {
      case .incomplete(let kept): return .incomplete(kept: kept)
      case .complete(let end): stage = .complete(body: start..<body.joinedEnd, end: end)
      }
    case .complete:
      break
    }
    return try found(bytes, limits, &fields)
  }

  /// Goes on from a head that has just been parsed.
  private mutating func begin(
    _ head: RequestHead, _ bytes: UnsafeMutableRawBufferPointer, _ limits: RequestLimits,
    _ fields: inout FieldTable
  ) throws(HeadStop) -> Step {
    let start = head.byteCount
    switch head.body {
    case .none:
      stage = .complete(body: start..<start, end: start)
      return .complete(RequestFrame(head, body: start..<start, end: start))
    case .sized(let byteCount):
      stage = .sizedBody(start: start, end: start + byteCount)
    case .chunked:
      stage = .chunkedBody(ChunkedBody(bodyStart: start))
    }
    // A sender that has begun its body does not wait.
    if head.expectsContinue, bytes.count == start { return .awaitsContinue(kept: start) }
    return try advance(bytes, limits, &fields)
  }

  /// Parses the head of a complete request again, for where its fields are.
  private func found(
    _ bytes: UnsafeMutableRawBufferPointer, _ limits: RequestLimits, _ fields: inout FieldTable
  ) throws(HeadStop) -> Step {
    guard case .complete(let body, let end) = stage else { throw .incomplete }
    let head = try HeadParser.parse(UnsafeRawBufferPointer(bytes), limits, &fields)
    return .complete(RequestFrame(head, body: body, end: end))
  }
}

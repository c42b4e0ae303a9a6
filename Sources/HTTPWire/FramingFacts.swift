/// What the fields seen so far say about where the request ends and how its connection goes on.
struct FramingFacts {
  private var host: ByteRange?
  private var contentLength: Int?
  private var isChunked = false
  private var asksToClose = false
  private var asksToKeepAlive = false
  private var expectsContinue = false
  private var expectsOther = false

  /// Takes notice of a field. Lengths of names tell most fields apart.
  mutating func note(
    _ field: FieldTable.Field, in bytes: UnsafeRawBufferPointer
  ) throws(HeadStop) {
    let name = field.name.view(of: bytes)
    switch name.count {
    case 4 where name.equalsIgnoringCase("host"):
      guard host == nil else { throw .refused(.hostRepeated) }
      host = field.value
    case 6 where name.equalsIgnoringCase("expect"):
      noteExpectation(field.value.view(of: bytes))
    case 10 where name.equalsIgnoringCase("connection"):
      noteConnection(field.value.view(of: bytes))
    case 14 where name.equalsIgnoringCase("content-length"):
      guard !hasTabAround(field, bytes) else { throw .refused(.contentLengthInvalid) }
      try noteContentLength(field.value.view(of: bytes))
    case 17 where name.equalsIgnoringCase("transfer-encoding"):
      guard !hasTabAround(field, bytes) else { throw .refused(.transferCodingUnknown) }
      try noteTransferCoding(field.value.view(of: bytes))
    default:
      break
    }
  }

  /// Whether a tab stands beside the value. RFC 9110 5.6.3 has it as white space, and some recipients
  /// take it for a part of the value, which they then don't know: a body to one is none to the other.
  private func hasTabAround(_ field: FieldTable.Field, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let colon = Int(field.name.start) + Int(field.name.count)
    let start = Int(field.value.start)
    if bytes[colon..<start].contains(0x09) { return true }
    var index = start + Int(field.value.count)
    while ByteView.isBlank(bytes[index]) {
      if bytes[index] == 0x09 { return true }
      index += 1
    }
    return false
  }

  /// Checks the fields together and writes what they amount to into `head`.
  func settle(
    _ head: inout RequestHead, authority: ByteView?,
    _ bytes: UnsafeRawBufferPointer, _ limits: RequestLimits
  ) throws(HeadStop) {
    try settleHost(&head, authority, bytes)
    head.body = try body(head.version)
    head.keepsAlive =
      switch head.version {
      case .http11: !asksToClose
      case .http10: asksToKeepAlive && !asksToClose
      }
    // RFC 9110 10.1.1: an expectation in an HTTP/1.0 request is ignored.
    if head.version == .http11 {
      guard !expectsOther else { throw .refused(.expectationUnknown) }
      head.expectsContinue = expectsContinue
    }
    if case .sized(let byteCount) = head.body, byteCount > limits.bodyBytesMax {
      throw .refused(.bodyTooLarge)
    }
  }

  private func settleHost(
    _ head: inout RequestHead, _ authority: ByteView?, _ bytes: UnsafeRawBufferPointer
  ) throws(HeadStop) {
    guard let host else {
      guard head.version == .http10, authority == nil else { throw .refused(.hostMissing) }
      return
    }
    let value = host.view(of: bytes)
    // RFC 9110 4.2.1: an http URI with an empty host is invalid.
    guard HostName.isValid(value) else { throw .refused(.hostInvalid) }
    // RFC 9112 3.2: both must be the same. Serving either of two would let a proxy in front see the
    // other.
    if let authority, !authority.equalsIgnoringCase(value) {
      throw .refused(.hostContradictsTarget)
    }
    head.host = host
  }

  /// RFC 9112 6.1 and 6.3, with every case that offers a choice refused.
  private func body(_ version: HTTPVersion) throws(HeadStop) -> RequestHead.Body {
    guard isChunked else {
      return contentLength.map { $0 == 0 ? .none : .sized(byteCount: $0) } ?? .none
    }
    guard contentLength == nil else { throw .refused(.bodyLengthAmbiguous) }
    guard version == .http11 else { throw .refused(.transferCodingInHTTP10) }
    return .chunked
  }

  private mutating func noteContentLength(_ value: ByteView) throws(HeadStop) {
    guard contentLength == nil else { throw .refused(.contentLengthRepeated) }
    guard let length = value.decimal else { throw .refused(.contentLengthInvalid) }
    contentLength = length
  }

  private mutating func noteTransferCoding(_ value: ByteView) throws(HeadStop) {
    guard !isChunked else { throw .refused(.transferCodingRepeated) }
    guard value.equalsIgnoringCase("chunked") else { throw .refused(.transferCodingUnknown) }
    isChunked = true
  }

  private mutating func noteExpectation(_ value: ByteView) {
    if value.equalsIgnoringCase("100-continue") {
      expectsContinue = true
    } else {
      expectsOther = true
    }
  }

  private mutating func noteConnection(_ value: ByteView) {
    var rest = value
    while !rest.isEmpty {
      let option = rest.split(at: UInt8(ascii: ",")).trimmed
      if option.equalsIgnoringCase("close") { asksToClose = true }
      if option.equalsIgnoringCase("keep-alive") { asksToKeepAlive = true }
    }
  }
}

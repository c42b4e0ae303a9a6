/// Reads one request head from the front of some bytes (RFC 9112 2 to 6).
///
/// It is a pure function of the bytes: it goes through them once, front to back, and stops at the
/// first that decides. So a refusal or a head found in a prefix stays the same whatever follows,
/// and reading byte by byte gives what reading at once does. Wherever the RFC lets a recipient be
/// lenient about framing this one is not, because two recipients that differ there can be played
/// against each other.
struct HeadParser: ~Copyable {
  private let limits: RequestLimits
  private var cursor: LineCursor
  private var head = RequestHead()
  private var facts = FramingFacts()

  /// Parses the head at the front of `bytes`, leaving its fields in `fields`.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, _ limits: RequestLimits, _ fields: inout FieldTable
  ) throws(HeadStop) -> RequestHead {
    var parser = HeadParser(bytes, limits)
    return try parser.parse(&fields)
  }

  private init(_ bytes: UnsafeRawBufferPointer, _ limits: RequestLimits) {
    self.limits = limits
    cursor = LineCursor(bytes, limit: limits.requestLineBytesMax, excess: .requestTargetTooLong)
  }

  private mutating func parse(_ fields: inout FieldTable) throws(HeadStop) -> RequestHead {
    fields.removeAll()
    try skipEmptyLine()
    let authority = try parseRequestLine()
    cursor.extend(limit: limits.headBytesMax, excess: .headTooLarge)
    while let field = try cursor.field() {
      guard fields.append(field) else { throw .refused(.fieldsTooMany) }
      try facts.note(field, in: cursor.bytes)
    }
    head.byteCount = cursor.position
    try facts.settle(&head, authority: authority, cursor.bytes, limits)
    return head
  }

  /// RFC 9112 2.2: an empty line before a request is ignored; one, since some clients end bodies
  /// with it.
  private mutating func skipEmptyLine() throws(HeadStop) {
    if try cursor.next() == 0x0D { try cursor.lineEnd() }
  }

  /// Parses `method SP target SP version`, returning the authority of a target that has one.
  private mutating func parseRequestLine() throws(HeadStop) -> ByteView? {
    let method = try cursor.token(otherwise: .requestLineInvalid)
    try cursor.skip(0x20, otherwise: .requestLineInvalid)
    let target = try cursor.target()
    try cursor.skip(0x20, otherwise: .requestLineInvalid)
    head.version = try parseVersion()
    try cursor.lineEnd()
    guard let known = Method(cursor.view(method)) else { throw .refused(.methodUnknown) }
    head.method = known
    let form = RequestTarget(cursor.bytes, target, known)
    guard let form else { throw .refused(.requestTargetInvalid) }
    head.path = ByteRange(form.path)
    head.query = ByteRange(form.query)
    return form.authority.map { cursor.view($0) }
  }

  private mutating func parseVersion() throws(HeadStop) -> HTTPVersion {
    try cursor.skip("HTTP/", otherwise: .requestLineInvalid)
    let major = try cursor.digit(otherwise: .requestLineInvalid)
    try cursor.skip(UInt8(ascii: "."), otherwise: .requestLineInvalid)
    let minor = try cursor.digit(otherwise: .requestLineInvalid)
    switch (major, minor) {
    case (1, 1): return .http11
    case (1, 0): return .http10
    default: throw .refused(.versionUnsupported)
    }
  }
}

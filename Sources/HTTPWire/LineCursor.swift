/// A place in bytes that are read as lines, with a bound it does not pass.
///
/// What it would have to read beyond the bytes is `incomplete`, beyond the bound a refusal. The
/// bound counts from the front whatever has arrived, so that both ways of meeting it agree.
struct LineCursor: ~Copyable {
  let bytes: UnsafeRawBufferPointer
  private(set) var position: Int
  private var end: Int
  private var atEnd: HeadStop

  init(
    _ bytes: UnsafeRawBufferPointer, from position: Int = 0,
    limit: Int, excess: RequestRefusal
  ) {
    self.bytes = bytes
    self.position = position
    end = 0
    atEnd = .incomplete
    extend(limit: limit, excess: excess)
  }

  mutating func extend(limit: Int, excess: RequestRefusal) {
    end = min(bytes.count, limit)
    atEnd = bytes.count >= limit ? .refused(excess) : .incomplete
  }

  func view(_ range: Range<Int>) -> ByteView {
    ByteView(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// The byte here.
  func next() throws(HeadStop) -> UInt8 {
    guard position < end else { throw atEnd }
    return bytes[position]
  }

  mutating func advance() {
    position += 1
  }

  mutating func skip(_ byte: UInt8, otherwise refusal: RequestRefusal) throws(HeadStop) {
    guard try next() == byte else { throw .refused(refusal) }
    position += 1
  }

  mutating func skip(
    _ literal: StaticString, otherwise refusal: RequestRefusal
  ) throws(HeadStop) {
    for index in 0..<literal.utf8CodeUnitCount {
      try skip(literal.utf8Start[index], otherwise: refusal)
    }
  }

  mutating func digit(otherwise refusal: RequestRefusal) throws(HeadStop) -> UInt8 {
    let byte = try next()
    guard ByteClass.isDigit(byte) else { throw .refused(refusal) }
    position += 1
    return byte - 0x30
  }

  /// Reads CR LF: neither alone ends a line, and neither is anything else (RFC 9112 2.2).
  mutating func lineEnd() throws(HeadStop) {
    try skip(0x0D, otherwise: .lineEndInvalid)
    try skip(0x0A, otherwise: .lineEndInvalid)
  }

  /// Reads one or more token characters and stops before the byte that is none.
  mutating func token(otherwise refusal: RequestRefusal) throws(HeadStop) -> Range<Int> {
    let start = position
    while position < end, ByteClass.isToken(bytes[position]) { position += 1 }
    guard position < end else { throw atEnd }
    guard position > start else { throw .refused(refusal) }
    return start..<position
  }

  /// Reads a request target and stops before the space behind it.
  mutating func target() throws(HeadStop) -> Range<Int> {
    let start = position
    position = ByteScan.indexOfTargetEnd(in: bytes, from: position, to: end)
    let byte = try next()
    guard byte == 0x20 else {
      throw .refused(Self.isLineEnd(byte) ? .requestLineInvalid : .requestTargetInvalid)
    }
    guard position > start else { throw .refused(.requestLineInvalid) }
    return start..<position
  }

  /// Reads a field line, or the empty line behind the last one as nil.
  mutating func field() throws(HeadStop) -> FieldTable.Field? {
    let first = try next()
    if first == 0x0D {
      try lineEnd()
      return nil
    }
    // RFC 9112 5.2: a line that starts with white space would continue the one before.
    guard !ByteView.isBlank(first) else { throw .refused(.fieldFolded) }
    let name = try token(
      otherwise: Self.isLineEnd(first) ? .lineEndInvalid : .fieldNameInvalid)
    // RFC 9112 5.1: no white space before the colon.
    try skip(UInt8(ascii: ":"), otherwise: .fieldNameInvalid)
    let value = try fieldValue()
    try lineEnd()
    return FieldTable.Field(name: ByteRange(name), value: ByteRange(value))
  }

  /// Reads a field value without the white space around it, up to the line's end.
  private mutating func fieldValue() throws(HeadStop) -> Range<Int> {
    while position < end, ByteView.isBlank(bytes[position]) { position += 1 }
    let start = position
    repeat {
      position = ByteScan.indexOfControl(in: bytes, from: position, to: end)
      guard try next() == 0x09 else { break }
      position += 1
    } while true
    guard Self.isLineEnd(try next()) else { throw .refused(.fieldValueInvalid) }
    var last = position
    while last > start, ByteView.isBlank(bytes[last - 1]) { last -= 1 }
    return start..<last
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }
}

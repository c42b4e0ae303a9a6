/// A chunked body on its way to being one run of bytes (RFC 9112 7.1).
///
/// Data is moved down over the framing as it arrives: `joinedEnd` is behind the data joined so far,
/// and the framing not yet understood starts there as well, so nothing is held that is not needed.
struct ChunkedBody {
  private(set) var joinedEnd: Int
  let start: Int
  private var stage = Stage.size

  private enum Stage {
    case size
    case data(rest: Int)
    case dataEnd
    case trailers
  }

  /// What `advance` came to.
  enum Progress {
    /// The first `kept` bytes are needed again, with more behind them.
    case incomplete(kept: Int)
    /// The body ends at `joinedEnd`, what it was made of at `end`.
    case complete(end: Int)
  }

  init(bodyStart: Int) {
    start = bodyStart
    joinedEnd = bodyStart
  }

  /// Joins what has arrived.
  mutating func advance(
    _ bytes: UnsafeMutableRawBufferPointer, _ limits: RequestLimits
  ) throws(HeadStop) -> Progress {
    var position = joinedEnd
    do {
      while try step(bytes, &position, limits) {}
      return .complete(end: position)
    } catch {
      guard case .incomplete = error else { throw error }
      move(bytes, position..<bytes.count, to: joinedEnd)
      return .incomplete(kept: joinedEnd + bytes.count - position)
    }
  }

  /// Reads one part from `position` on; false when it was the last.
  private mutating func step(
    _ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int, _ limits: RequestLimits
  ) throws(HeadStop) -> Bool {
    let source = UnsafeRawBufferPointer(bytes)
    switch stage {
    case .size:
      let size = try Self.readSize(source, &position, limits)
      guard size <= limits.bodyBytesMax - (joinedEnd - start) else {
        throw .refused(.bodyTooLarge)
      }
      stage = size == 0 ? .trailers : .data(rest: size)
    case .data(let rest):
      let arrived = min(rest, bytes.count - position)
      guard arrived > 0 else { throw .incomplete }
      move(bytes, position..<position + arrived, to: joinedEnd)
      position += arrived
      joinedEnd += arrived
      stage = arrived == rest ? .dataEnd : .data(rest: rest - arrived)
    case .dataEnd:
      try Self.readDataEnd(source, &position)
      stage = .size
    case .trailers:
      try Self.readTrailers(source, &position, limits)
      return false
    }
    return true
  }

  private func move(
    _ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>, to target: Int
  ) {
    guard let base = bytes.baseAddress, range.lowerBound != target, !range.isEmpty else { return }
    (base + target).copyMemory(from: base + range.lowerBound, byteCount: range.count)
  }

  /// Reads `1*HEXDIG [ext] CRLF`. Extensions are passed over: none is known here.
  private static func readSize(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ limits: RequestLimits
  ) throws(HeadStop) -> Int {
    var cursor = LineCursor(
      bytes, from: position, limit: position + limits.chunkLineBytesMax,
      excess: .chunkLineTooLong)
    let size = try cursor.hexNumber(otherwise: .chunkSizeInvalid)
    if try cursor.next() == UInt8(ascii: ";") { try cursor.skipText() }
    guard try cursor.next() == 0x0D else { throw .refused(.chunkSizeInvalid) }
    try cursor.lineEnd()
    position = cursor.position
    return size
  }

  private static func readDataEnd(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int
  ) throws(HeadStop) {
    var cursor = LineCursor(bytes, from: position, limit: .max, excess: .chunkEndInvalid)
    try cursor.skip(0x0D, otherwise: .chunkEndInvalid)
    try cursor.skip(0x0A, otherwise: .chunkEndInvalid)
    position = cursor.position
  }

  /// Reads the trailer section. Its fields are checked and dropped: nothing here is allowed to
  /// depend on them.
  private static func readTrailers(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ limits: RequestLimits
  ) throws(HeadStop) {
    var cursor = LineCursor(
      bytes, from: position, limit: position + limits.headBytesMax, excess: .headTooLarge)
    var count = 0
    while try cursor.field() != nil {
      count += 1
      guard count <= limits.fieldCountMax else { throw .refused(.fieldsTooMany) }
    }
    position = cursor.position
  }
}

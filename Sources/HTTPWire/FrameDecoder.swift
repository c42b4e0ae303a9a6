/// Cuts a client's bytes into frames, however they arrive.
///
/// It knows frames one by one; what they may follow is the business of ``MessageDecoder``. A payload is passed on piece by
/// piece as it comes, so nothing but the bytes of a header is kept.
struct FrameDecoder: Sendable {
  private let allowsCompression: Bool
  private var headerBytes = InlineArray<14, UInt8>(repeating: 0)
  private var headerCount = 0
  /// The frame whose payload is being read.
  private var header: FrameHeader?
  private var mask = FrameMask(0)
  private var remainingBytes = 0

  /// Some of a frame's payload, unmasked.
  struct Piece {
    let header: FrameHeader
    let payload: UnsafeMutableRawBufferPointer
    let isFirst: Bool
    let isLast: Bool
  }

  init(allowsCompression: Bool) {
    self.allowsCompression = allowsCompression
  }

  /// Whether the next byte is one of a header.
  var awaitsHeader: Bool { header == nil }

  /// The next header, whose pieces follow, or nil when more is needed; advances `position` over what was read.
  mutating func nextHeader(
    _ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int
  ) throws(WebSocketFault) -> FrameHeader? {
    let free = UnsafeRawBufferPointer(rebasing: bytes[position...])
    let reading = headerCount == 0 ? try read(free) : try readOn(free)
    switch reading {
    case .incomplete:
      if headerCount == 0 { keep(free) }
      position = bytes.count
      return nil
    case .complete(let header, let byteCount):
      position += byteCount - headerCount
      headerCount = 0
      self.header = header
      mask = FrameMask(header.mask)
      remainingBytes = header.payloadBytes
      return header
    }
  }

  /// The next piece of the frame whose header was read, or nil when more is needed.
  mutating func nextPiece(
    _ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int
  ) -> Piece? {
    guard let header else { return nil }
    let count = min(remainingBytes, bytes.count - position)
    guard count > 0 || remainingBytes == 0 else { return nil }
    let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position + count])
    mask.remove(from: payload)
    position += count
    let isFirst = remainingBytes == header.payloadBytes
    remainingBytes -= count
    let isLast = remainingBytes == 0
    if isLast { self.header = nil }
    return Piece(header: header, payload: payload, isFirst: isFirst, isLast: isLast)
  }

  private func read(
    _ bytes: UnsafeRawBufferPointer
  ) throws(WebSocketFault) -> FrameHeader.Reading {
    try FrameHeader.read(bytes, allowsCompression: allowsCompression)
  }

  /// Reads a header whose first bytes were kept.
  private mutating func readOn(
    _ bytes: UnsafeRawBufferPointer
  ) throws(WebSocketFault) -> FrameHeader.Reading {
    let (kept, taken) = (headerCount, min(bytes.count, FrameHeader.bytesMax - headerCount))
    for index in 0..<taken { headerBytes[kept + index] = bytes[index] }
    var fault: WebSocketFault?
    var reading = FrameHeader.Reading.incomplete
    let allowsCompression = allowsCompression
    withUnsafeBytes(of: headerBytes) { all in
      do throws(WebSocketFault) {
        reading = try FrameHeader.read(
          UnsafeRawBufferPointer(rebasing: all[..<(kept + taken)]),
          allowsCompression: allowsCompression)
      } catch {
        fault = error
      }
    }
    if let fault { throw fault }
    if case .incomplete = reading { headerCount += taken }
    return reading
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
    for index in 0..<bytes.count { headerBytes[index] = bytes[index] }
    headerCount = bytes.count
  }
}

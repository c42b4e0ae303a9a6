import Engine

/// Reads a file's frames one after the other, in blocks.
struct FrameScanner {
  struct Frame {
    let serial: UInt64
    /// Valid as long as the block is kept.
    let body: UnsafeRawBufferPointer
    let block: FileBlock
    let offset: Int
    let end: Int
  }

  enum Next {
    case frame(Frame)
    case end
    /// What is from here on is no frame, or not the whole of one.
    case torn(at: Int, LogDamage)
  }

  private let file: StoredFile
  private let end: Int
  private let blockBytes: Int
  private var block: FileBlock
  private var blockStart: Int
  private var offset: Int

  static let blockBytesDefault = 1 << 20

  /// - Parameter end: nothing is read from there on.
  init(
    _ file: StoredFile, from offset: Int = 0, to end: Int, blockBytes: Int = blockBytesDefault
  ) throws {
    self.file = file
    self.end = end
    self.offset = offset
    self.blockBytes = blockBytes
    blockStart = offset
    block = try FileBlock(file, at: offset, count: max(0, min(blockBytes, end - offset)))
  }

  mutating func next() throws -> Next {
    switch LogFrame.read(block.bytes, at: offset - blockStart) {
    case .frame(let serial, let body, let frameEnd):
      let start = offset
      offset = blockStart + frameEnd
      return .frame(Frame(serial: serial, body: body, block: block, offset: start, end: offset))
    case .end: return offset >= end ? .end : try readOn(atLeast: 1)
    case .incomplete(let bytes): return try readOn(atLeast: bytes)
    case .damaged(let damage):
      return .torn(at: offset, LogDamage(offset: offset, expected: damage.expected))
    }
  }

  /// The next frame of a file that has nothing else; nil at the end.
  mutating func nextWhole() throws -> Frame? {
    switch try next() {
    case .frame(let frame): return frame
    case .end: return nil
    case .torn(_, let damage): throw damage
    }
  }

  private mutating func readOn(atLeast bytes: Int) throws -> Next {
    let count = min(max(bytes, blockBytes), end - offset)
    let isMore = offset > blockStart || count > block.count
    guard count >= bytes, isMore else {
      return .torn(at: offset, LogDamage(offset: offset, expected: "the rest of a frame"))
    }
    block = try FileBlock(file, at: offset, count: count)
    blockStart = offset
    guard block.count >= bytes else {
      return .torn(at: offset, LogDamage(offset: offset, expected: "the rest of a frame"))
    }
    return try next()
  }
}

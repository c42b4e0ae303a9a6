/// Gathers state in one block and hands it out whenever it is full.
///
/// Allocates its block and nothing else, takes no lock, and knows no file: it may run in a forked child. Blocks are cut
/// anywhere; a ``StateReader`` is given them in the same order.
package struct StateWriter: ~Copyable {
  /// No block is larger.
  package static let blockBytesMax = 1 << 20

  private let block: UnsafeMutableRawPointer
  private var used = 0
  private var handedOut = 0
  private let consume: (UnsafeRawBufferPointer) throws -> Void

  /// - Parameter consume: takes each block, which is valid during the call; what it throws ends the writing.
  package init(consume: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.consume = consume
    block = .allocate(byteCount: Self.blockBytesMax, alignment: 16)
  }

  deinit { block.deallocate() }

  /// What was written so far.
  package var byteCount: Int { handedOut + used }

  /// Hands out what is left. Nothing is written without.
  package mutating func finish() throws {
    guard used > 0 else { return }
    try handOut()
  }

  @inline(__always)
  mutating func append(_ value: some BitwiseCopyable) throws {
    let size = MemoryLayout.size(ofValue: value)
    if used + size > Self.blockBytesMax { try handOut() }
    block.storeBytes(of: value, toByteOffset: used, as: type(of: value))
    used += size
  }

  mutating func append(bytes: UnsafeRawBufferPointer) throws {
    guard var source = bytes.baseAddress else { return }
    var left = bytes.count
    while left > Self.blockBytesMax - used {
      let part = Self.blockBytesMax - used
      (block + used).copyMemory(from: source, byteCount: part)
      used += part
      source += part
      left -= part
      try handOut()
    }
    (block + used).copyMemory(from: source, byteCount: left)
    used += left
  }

  /// Appends bytes behind their number.
  mutating func append(sized bytes: UnsafeRawBufferPointer) throws {
    try append(UInt32(bytes.count))
    try append(bytes: bytes)
  }

  private mutating func handOut() throws {
    try consume(UnsafeRawBufferPointer(start: block, count: used))
    handedOut += used
    used = 0
  }
}

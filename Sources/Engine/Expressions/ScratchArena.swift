/// Memory for the byte results of one row's expressions, reset with each row.
///
/// What it hands out stays in place until the reset: it grows by chunks and never moves.
final class ScratchArena {
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) private var chunks: [UnsafeMutableRawBufferPointer] = []
  @exclusivity(unchecked) private var chunk = 0
  @exclusivity(unchecked) private var used = 0
  @exclusivity(unchecked) fileprivate var sink: [UInt8] = []

  deinit {
    for chunk in chunks { chunk.deallocate() }
  }

  @inline(__always)
  func reset() {
    if chunk > 0 || used > 0 { releaseAll() }
  }

  func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let target = allocate(bytes.count)
    target.copyMemory(from: bytes)
    return UnsafeRawBufferPointer(target)
  }

  func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if chunk < chunks.count, used + count <= chunks[chunk].count {
      defer { used += count }
      return UnsafeMutableRawBufferPointer(rebasing: chunks[chunk][used..<(used + count)])
    }
    return allocateInNewChunk(count)
  }

  /// Chunks of one long value are given back at the reset; the first stays.
  private func releaseAll() {
    while chunks.count > 1 { chunks.removeLast().deallocate() }
    chunk = 0
    used = 0
  }

  private func allocateInNewChunk(_ count: Int) -> UnsafeMutableRawBufferPointer {
    chunks.append(.allocate(byteCount: max(count, Self.chunkBytes), alignment: 8))
    chunk = chunks.count - 1
    used = count
    return UnsafeMutableRawBufferPointer(rebasing: chunks[chunk][0..<count])
  }

  private static let chunkBytes = 4096
}

extension ScratchArena {
  func numeric(_ value: Numeric) -> Datum {
    text { value.encode(into: &$0) }
  }

  func concatenation(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Datum {
    let joined = allocate(a.count + b.count)
    joined.copyMemory(from: a)
    UnsafeMutableRawBufferPointer(rebasing: joined[a.count...]).copyMemory(from: b)
    return .bytes(UnsafeRawBufferPointer(joined))
  }

  /// What `write` appends.
  func text(_ write: (inout [UInt8]) -> Void) -> Datum {
    sink.removeAll(keepingCapacity: true)
    write(&sink)
    return sink.withUnsafeBytes { .bytes(copy($0)) }
  }
}

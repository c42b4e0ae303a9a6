/// Values with their counts, chunk by chunk as they lie.
extension OrderedCounts {
  /// Changes nothing, but is told where the values lie: a copy would count references, in pages that a forked child shares.
  mutating func write(
    to writer: inout StateWriter, _ writeValue: (Value, inout StateWriter) throws -> Void
  ) throws {
    try writer.append(UInt64(chunks.count))
    if chunks.isEmpty {
      try writer.append(single == nil ? 0 : 1 as UInt8)
      guard let single else { return }
      try writeValue(single.value, &writer)
      return try writer.append(single.count)
    }
    for chunk in chunks.indices {
      try writer.append(UInt32(chunks[chunk].count))
      for entry in chunks[chunk].indices {
        try writeValue(chunks[chunk][entry].value, &writer)
        try writer.append(chunks[chunk][entry].count)
      }
    }
  }

  /// - Parameter bytesEach: what a value takes at least.
  mutating func restore(
    from reader: inout StateReader, bytesEach: Int,
    _ readValue: (inout StateReader) throws -> Value
  ) throws {
    let chunkCount = try reader.count(bytesEach: 12 + bytesEach)
    guard chunkCount > 0 else {
      guard try reader.flag() else { return }
      single = Entry(value: try readValue(&reader), count: try reader.amount())
      return
    }
    for _ in 0..<chunkCount { try restoreChunk(from: &reader, readValue) }
    guard chunkedCount > 1 else { throw reader.damage("several values") }
  }

  private mutating func restoreChunk(
    from reader: inout StateReader, _ readValue: (inout StateReader) throws -> Value
  ) throws {
    let count = Int(try reader.value(UInt32.self))
    guard (1...Self.chunkValuesMax).contains(count) else { throw reader.damage("a chunk") }
    var last = chunks.last?.last?.value
    var chunk: [Entry] = []
    chunk.reserveCapacity(count)
    for _ in 0..<count {
      let entry = Entry(value: try readValue(&reader), count: try reader.amount())
      if let last {
        guard last < entry.value else { throw reader.damage("values in order") }
        if !last.hasSameValue(as: entry.value) { chunkedDistinctCount += 1 }
      } else {
        chunkedDistinctCount = 1
      }
      last = entry.value
      chunk.append(entry)
    }
    chunks.append(chunk)
    chunkedCount += count
  }
}

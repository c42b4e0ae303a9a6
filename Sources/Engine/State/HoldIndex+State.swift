/// What the log has told of holds: hashes with the seed that they are of, and each caller's usage.
extension HoldIndex {
  private static let tag: UInt32 = 0x686f_6c64

  /// Writes the index; a value of its own, so any thread may.
  package func writeState(to writer: inout StateWriter) throws {
    try writer.append(Self.tag)
    try writer.append(hasher.seed)
    try Self.write(idempotencyKeys, to: &writer)
    try Self.write(references, to: &writer)
    try writer.append(UInt64(usage.count))
    for (caller, usage) in usage {
      var caller = caller
      try caller.withUTF8 { try writer.append(sized: UnsafeRawBufferPointer($0)) }
      try writer.append(usage.holds)
      try writer.append(usage.units)
    }
  }

  private static func write(_ ids: [UInt64: HoldID], to writer: inout StateWriter) throws {
    try writer.append(UInt64(ids.count))
    for (hash, id) in ids {
      try writer.append(hash)
      try writer.append(id.high)
      try writer.append(id.low)
    }
  }

  /// Reads an index, which goes on with the seed that it was written under.
  package init(from reader: inout StateReader) throws {
    try reader.expect(Self.tag, "an index of holds")
    self.init(hasher: RowHasher(seed: try reader.value(UInt64.self)))
    idempotencyKeys = try Self.readIDs(from: &reader)
    references = try Self.readIDs(from: &reader)
    for _ in 0..<(try reader.count(bytesEach: 20)) {
      guard let caller = String(validating: try reader.bytes(), as: UTF8.self) else {
        throw reader.damage("a caller")
      }
      var sum = Usage()
      sum.holds = try reader.amount()
      sum.units = try reader.value(Int64.self)
      guard sum.units.magnitude < 1 << 62 else { throw reader.damage("units") }
      guard usage.updateValue(sum, forKey: caller) == nil else {
        throw reader.damage("another caller")
      }
    }
  }

  private static func readIDs(from reader: inout StateReader) throws -> [UInt64: HoldID] {
    let count = try reader.count(bytesEach: 24)
    var ids = [UInt64: HoldID](minimumCapacity: count)
    for _ in 0..<count {
      let hash = try reader.value(UInt64.self)
      let id = HoldID(high: try reader.value(UInt64.self), low: try reader.value(UInt64.self))
      guard ids.updateValue(id, forKey: hash) == nil else { throw reader.damage("another hash") }
    }
    return ids
  }
}

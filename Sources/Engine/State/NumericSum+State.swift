import BigInt

extension NumericSum {
  private enum Tag: UInt8 { case scale, nan, positiveInfinity, negativeInfinity }

  /// Changes nothing, but is told where the sum lies: a copy of it would count references, in pages that a forked child shares.
  mutating func writeState(to writer: inout StateWriter) throws {
    try total.write(to: &writer)
    try writer.append(UInt16(scale))
    try writer.append(countAtScale)
    try writer.append(UInt64(otherCounts.count))
    for index in otherCounts.indices {
      let (tag, scale): (Tag, Int) =
        switch otherCounts[index].kind {
        case .scale(let scale): (.scale, scale)
        case .nan: (.nan, 0)
        case .positiveInfinity: (.positiveInfinity, 0)
        case .negativeInfinity: (.negativeInfinity, 0)
        }
      try writer.append(tag.rawValue)
      try writer.append(UInt16(scale))
      try writer.append(otherCounts[index].count)
    }
  }

  init(from reader: inout StateReader) throws {
    self.init()
    total = try WideInteger(from: &reader)
    scale = Int(try reader.value(UInt16.self))
    guard scale <= Numeric.scaleMax else { throw reader.damage("a scale") }
    countAtScale = try reader.amount()
    for _ in 0..<(try reader.count(bytesEach: 11)) {
      let kind = try restoreKind(from: &reader)
      let count = try reader.amount()
      guard count != 0, !otherCounts.contains(where: { $0.kind == kind }) else {
        throw reader.damage("the count of another kind")
      }
      otherCounts.append((kind, count))
    }
  }

  private func restoreKind(from reader: inout StateReader) throws -> Kind {
    let tag = Tag(rawValue: try reader.value(UInt8.self))
    let lower = Int(try reader.value(UInt16.self))
    switch tag {
    case .scale where lower < scale: return .scale(lower)
    case .nan: return .nan
    case .positiveInfinity: return .positiveInfinity
    case .negativeInfinity: return .negativeInfinity
    case .scale, nil: throw reader.damage("a kind of number")
    }
  }
}

extension WideInteger {
  fileprivate func write(to writer: inout StateWriter) throws {
    switch self {
    case .packed(let value):
      try writer.append(UInt32(0))
      try writer.append(value.int128)
    case .big(let value):
      try writer.append(UInt32(value.magnitude.words.count))
      try writer.append(value.sign == .minus ? 1 : 0 as UInt8)
      for word in value.magnitude.words { try writer.append(word) }
    }
  }

  fileprivate init(from reader: inout StateReader) throws {
    let count = Int(try reader.value(UInt32.self))
    guard count > 0 else {
      self = .small(try reader.value(Int128.self))
      return
    }
    guard count <= Self.wordsMax else { throw reader.damage("an integer") }
    let isNegative = try reader.flag()
    var words: [UInt] = []
    for _ in 0..<count { words.append(try reader.value(UInt.self)) }
    self.init(negative: isNegative, magnitude: BigUInt(words: words))
  }

  /// Far more than the sum of as many numerics as there can be takes: 131,072 digits before the point and 16,383 behind it.
  private static var wordsMax: Int { 16_384 }
}

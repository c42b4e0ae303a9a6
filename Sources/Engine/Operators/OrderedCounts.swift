/// What ``OrderedCounts`` counts: a value as it is spelled, ordered by value and then by spelling.
protocol SpelledValue: Comparable {
  /// Whether SQL calls the two equal, as it does 1.0 and 1.00.
  func hasSameValue(as other: Self) -> Bool
}

/// How often each value occurs in a group: what `min`, `max` and `count(distinct)` need when rows may go again.
///
/// Spellings of a value are counted each, so that what is shown is there. One entry lies inline; more lie in sorted chunks, so
/// that an insertion moves a chunk at most.
struct OrderedCounts<Value: SpelledValue> {
  struct Entry {
    let value: Value
    var count: Int
  }

  var single: Entry?
  var chunks: [[Entry]] = []
  var chunkedCount = 0
  /// Of the values in chunks, whatever their spellings.
  var chunkedDistinctCount = 0

  /// Values to a chunk: moved in well under a microsecond, and a million values need few chunks.
  static var chunkValuesMax: Int { 256 }

  var distinctCount: Int { chunks.isEmpty ? (single == nil ? 0 : 1) : chunkedDistinctCount }

  var first: Value? { (chunks.first?.first ?? single)?.value }

  var last: Value? { (chunks.last?.last ?? single)?.value }

  mutating func add(_ value: Value, _ weight: Int) {
    guard chunks.isEmpty else { return addToChunks(value, weight) }
    guard let entry = single else {
      single = Entry(value: value, count: weight)
      return
    }
    guard entry.value == value else {
      chunks = [[entry]]
      chunkedCount = 1
      chunkedDistinctCount = 1
      single = nil
      return addToChunks(value, weight)
    }
    single =
      entry.count + weight == 0 ? nil : Entry(value: entry.value, count: entry.count + weight)
  }

  private mutating func addToChunks(_ value: Value, _ weight: Int) {
    let chunk = chunkIndex(of: value)
    let index = Self.lowerBound(chunks[chunk], value)
    if index < chunks[chunk].count, chunks[chunk][index].value == value {
      chunks[chunk][index].count += weight
      if chunks[chunk][index].count == 0 { removeEntry(chunk, index) }
    } else {
      chunks[chunk].insert(Entry(value: value, count: weight), at: index)
      chunkedCount += 1
      if !hasOtherSpelling(chunk, index) { chunkedDistinctCount += 1 }
      if chunks[chunk].count > Self.chunkValuesMax { split(chunk) }
    }
  }

  /// Whether an entry has the value of the one before or behind it.
  private func hasOtherSpelling(_ chunk: Int, _ index: Int) -> Bool {
    let value = chunks[chunk][index].value
    let before =
      index > 0 ? chunks[chunk][index - 1] : chunk > 0 ? chunks[chunk - 1].last : nil
    if let before, before.value.hasSameValue(as: value) { return true }
    let isLast = index + 1 == chunks[chunk].count
    let behind =
      !isLast ? chunks[chunk][index + 1] : chunk + 1 < chunks.count ? chunks[chunk + 1].first : nil
    return behind.map { $0.value.hasSameValue(as: value) } ?? false
  }

  /// The first chunk whose last value is not below `value`, or the last chunk.
  private func chunkIndex(of value: Value) -> Int {
    var low = 0
    var high = chunks.count - 1
    while low < high {
      let middle = (low + high) / 2
      if let last = chunks[middle].last, last.value < value {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  private static func lowerBound(_ chunk: [Entry], _ value: Value) -> Int {
    var low = 0
    var high = chunk.count
    while low < high {
      let middle = (low + high) / 2
      if chunk[middle].value < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func split(_ chunk: Int) {
    let half = chunks[chunk].count / 2
    let upper = Array(chunks[chunk][half...])
    chunks[chunk].removeSubrange(half...)
    chunks.insert(upper, at: chunk + 1)
  }

  private mutating func removeEntry(_ chunk: Int, _ index: Int) {
    if !hasOtherSpelling(chunk, index) { chunkedDistinctCount -= 1 }
    chunks[chunk].remove(at: index)
    chunkedCount -= 1
    if chunks[chunk].isEmpty { chunks.remove(at: chunk) }
    if chunkedCount == 1 {
      single = chunks[0][0]
      chunks = []
      chunkedCount = 0
      chunkedDistinctCount = 0
    }
  }
}

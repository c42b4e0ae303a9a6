/// A value that can be counted in order.
protocol CountedValue: Comparable {
  init(_ datum: Datum, _ type: ColumnType)
  func withDatum(_ type: ColumnType, _ body: (Datum) -> Void)
}

/// How often each value occurs in a group: what `min`, `max` and `count(distinct)` need when rows may go again.
///
/// One distinct value lies inline; more lie in sorted chunks, so that an insertion moves a chunk at most.
final class OrderedCounts<Value: CountedValue>: ValueCounts {
  private struct Entry {
    let value: Value
    var count: Int
  }

  private var single: Entry?
  private var chunks: [[Entry]] = []
  private var chunkedCount = 0

  /// Values to a chunk: moved in well under a microsecond, and a million values need few chunks.
  private static var chunkValuesMax: Int { 256 }

  override var distinctCount: Int { chunks.isEmpty ? (single == nil ? 0 : 1) : chunkedCount }

  override func add(_ datum: Datum, weight: Int, _ type: ColumnType) {
    add(Value(datum, type), weight)
  }

  override func withFirst(_ type: ColumnType, _ body: (Datum) -> Void) {
    (chunks.first?.first ?? single)?.value.withDatum(type, body)
  }

  override func withLast(_ type: ColumnType, _ body: (Datum) -> Void) {
    (chunks.last?.last ?? single)?.value.withDatum(type, body)
  }

  private func add(_ value: Value, _ weight: Int) {
    guard chunks.isEmpty else { return addToChunks(value, weight) }
    guard let entry = single else {
      single = Entry(value: value, count: weight)
      return
    }
    guard entry.value == value else {
      chunks = [[entry]]
      chunkedCount = 1
      single = nil
      return addToChunks(value, weight)
    }
    single =
      entry.count + weight == 0 ? nil : Entry(value: entry.value, count: entry.count + weight)
  }

  private func addToChunks(_ value: Value, _ weight: Int) {
    let chunk = chunkIndex(of: value)
    let index = Self.lowerBound(chunks[chunk], value)
    if index < chunks[chunk].count, chunks[chunk][index].value == value {
      chunks[chunk][index].count += weight
      if chunks[chunk][index].count == 0 { removeEntry(chunk, index) }
    } else {
      chunks[chunk].insert(Entry(value: value, count: weight), at: index)
      chunkedCount += 1
      if chunks[chunk].count > Self.chunkValuesMax { split(chunk) }
    }
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

  private func split(_ chunk: Int) {
    let half = chunks[chunk].count / 2
    let upper = Array(chunks[chunk][half...])
    chunks[chunk].removeSubrange(half...)
    chunks.insert(upper, at: chunk + 1)
  }

  private func removeEntry(_ chunk: Int, _ index: Int) {
    chunks[chunk].remove(at: index)
    chunkedCount -= 1
    if chunks[chunk].isEmpty { chunks.remove(at: chunk) }
    if chunkedCount == 1 {
      single = chunks[0][0]
      chunks = []
      chunkedCount = 0
    }
  }
}

/// The counts of a group's values, whatever their representation.
class ValueCounts {
  var distinctCount: Int { 0 }
  func add(_ datum: Datum, weight: Int, _ type: ColumnType) {}
  func withFirst(_ type: ColumnType, _ body: (Datum) -> Void) {}
  func withLast(_ type: ColumnType, _ body: (Datum) -> Void) {}

  static func make(_ type: ColumnType) -> ValueCounts {
    switch type {
    case .float4, .float8: OrderedCounts<FloatValue>()
    case .numeric: OrderedCounts<Numeric>()
    case .bpchar, .text, .uuid, .enumeration, .json, .jsonb: OrderedCounts<BytesValue>()
    case .bool, .int2, .int4, .int8, .date, .timestamp, .timestamptz: OrderedCounts<Int64>()
    }
  }
}

extension Int64: CountedValue {
  init(_ datum: Datum, _ type: ColumnType) {
    if case .word(let word) = datum { self = word } else { self = 0 }
  }

  func withDatum(_ type: ColumnType, _ body: (Datum) -> Void) { body(.word(self)) }
}

extension Numeric: CountedValue {
  init(_ datum: Datum, _ type: ColumnType) {
    guard case .bytes(let bytes) = datum, let value = Numeric(encoded: bytes) else {
      self = .nan
      return
    }
    self = value
  }

  func withDatum(_ type: ColumnType, _ body: (Datum) -> Void) {
    var encoded: [UInt8] = []
    encode(into: &encoded)
    encoded.withUnsafeBytes { body(.bytes($0)) }
  }
}

/// A float in Postgres's order: NaN equals itself and is the greatest.
struct FloatValue: CountedValue {
  private let value: Double

  init(_ datum: Datum, _ type: ColumnType) {
    if case .word(let word) = datum { value = word.asDouble } else { value = .nan }
  }

  func withDatum(_ type: ColumnType, _ body: (Datum) -> Void) { body(.float(value)) }

  static func == (a: FloatValue, b: FloatValue) -> Bool { a.value.compared(to: b.value) == 0 }
  static func < (a: FloatValue, b: FloatValue) -> Bool { a.value.compared(to: b.value) < 0 }
}

/// Text and its like in byte order; the padding of a `char(n)` does not count.
struct BytesValue: CountedValue {
  private let bytes: [UInt8]
  private let length: Int

  init(_ datum: Datum, _ type: ColumnType) {
    guard case .bytes(let source) = datum else {
      bytes = []
      length = 0
      return
    }
    bytes = Array(source)
    length = type == .bpchar ? source.withoutTrailingBlanks.count : source.count
  }

  func withDatum(_ type: ColumnType, _ body: (Datum) -> Void) {
    bytes.withUnsafeBytes { body(.bytes($0)) }
  }

  static func == (a: BytesValue, b: BytesValue) -> Bool { compare(a, b) == 0 }
  static func < (a: BytesValue, b: BytesValue) -> Bool { compare(a, b) < 0 }

  private static func compare(_ a: BytesValue, _ b: BytesValue) -> Int {
    a.bytes.withUnsafeBytes { first in
      b.bytes.withUnsafeBytes { second in
        UnsafeRawBufferPointer(rebasing: first[..<a.length])
          .compareBytes(with: UnsafeRawBufferPointer(rebasing: second[..<b.length]))
      }
    }
  }
}

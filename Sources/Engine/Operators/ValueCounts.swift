/// The counts of a group's values, whatever their representation.
///
/// One class for each representation, so that the code for it is specialised.
class ValueCounts {
  var distinctCount: Int { 0 }
  /// Counts a value `weight` times more; with a negative weight, less.
  func add(_ datum: Datum, weight: Int) {}
  func withFirst(_ body: (Datum) -> Void) {}
  func withLast(_ body: (Datum) -> Void) {}

  static func make(_ type: ColumnType) -> ValueCounts {
    switch type {
    case .float4, .float8: FloatCounts()
    case .numeric: NumericCounts()
    case .bpchar: TextCounts(isBlankPadded: true)
    case .text, .uuid, .enumeration, .json, .jsonb: TextCounts(isBlankPadded: false)
    case .bool, .int2, .int4, .int8, .date, .timestamp, .timestamptz: WordCounts()
    }
  }
}

private final class WordCounts: ValueCounts {
  private var counts = OrderedCounts<Int64>()

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    if case .word(let word) = datum { counts.add(word, weight) }
  }

  override func withFirst(_ body: (Datum) -> Void) {
    if let first = counts.first { body(.word(first)) }
  }

  override func withLast(_ body: (Datum) -> Void) {
    if let last = counts.last { body(.word(last)) }
  }
}

private final class FloatCounts: ValueCounts {
  /// A float in Postgres's order: NaN equals itself and is the greatest.
  private struct Value: Comparable {
    let number: Double
    static func == (a: Value, b: Value) -> Bool { a.number.compared(to: b.number) == 0 }
    static func < (a: Value, b: Value) -> Bool { a.number.compared(to: b.number) < 0 }
  }

  private var counts = OrderedCounts<Value>()

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    if case .word(let word) = datum { counts.add(Value(number: word.asDouble), weight) }
  }

  override func withFirst(_ body: (Datum) -> Void) {
    if let first = counts.first { body(.float(first.number)) }
  }

  override func withLast(_ body: (Datum) -> Void) {
    if let last = counts.last { body(.float(last.number)) }
  }
}

private final class NumericCounts: ValueCounts {
  private var counts = OrderedCounts<Numeric>()

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    guard case .bytes(let bytes) = datum, let value = Numeric(encoded: bytes) else { return }
    counts.add(value, weight)
  }

  override func withFirst(_ body: (Datum) -> Void) { counts.first?.withDatum(body) }

  override func withLast(_ body: (Datum) -> Void) { counts.last?.withDatum(body) }
}

/// Text and its like, in byte order.
private final class TextCounts: ValueCounts {
  private struct Value: Comparable {
    let bytes: [UInt8]
    /// Without the padding of a `char(n)`.
    let length: Int

    static func == (a: Value, b: Value) -> Bool {
      a.bytes.prefix(a.length).elementsEqual(b.bytes.prefix(b.length))
    }

    static func < (a: Value, b: Value) -> Bool {
      a.bytes.prefix(a.length).lexicographicallyPrecedes(b.bytes.prefix(b.length))
    }
  }

  private let isBlankPadded: Bool
  private var counts = OrderedCounts<Value>()

  init(isBlankPadded: Bool) { self.isBlankPadded = isBlankPadded }

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    guard case .bytes(let bytes) = datum else { return }
    let length = isBlankPadded ? bytes.withoutTrailingBlanks.count : bytes.count
    counts.add(Value(bytes: Array(bytes), length: length), weight)
  }

  override func withFirst(_ body: (Datum) -> Void) {
    counts.first?.bytes.withUnsafeBytes { body(.bytes($0)) }
  }

  override func withLast(_ body: (Datum) -> Void) {
    counts.last?.bytes.withUnsafeBytes { body(.bytes($0)) }
  }
}

extension Numeric {
  /// The value as expressions and rows take it; valid during the call.
  func withDatum(_ body: (Datum) -> Void) {
    var encoded: [UInt8] = []
    encode(into: &encoded)
    encoded.withUnsafeBytes { body(.bytes($0)) }
  }
}

/// The counts of a group's values, whatever their representation.
///
/// One class for each representation, so that the code for it is specialised.
class ValueCounts {
  var distinctCount: Int { 0 }
  /// Counts a value `weight` times more; with a negative weight, less.
  func add(_ datum: Datum, weight: Int) {}
  func withFirst(_ body: (Datum) -> Void) {}
  func withLast(_ body: (Datum) -> Void) {}
  func writeState(to writer: inout StateWriter) throws {}
  func restoreState(from reader: inout StateReader) throws {}

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

extension Int64: SpelledValue {
  func hasSameValue(as other: Int64) -> Bool { self == other }
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

  override func writeState(to writer: inout StateWriter) throws {
    try counts.write(to: &writer) { try $1.append($0) }
  }

  override func restoreState(from reader: inout StateReader) throws {
    try counts.restore(from: &reader, bytesEach: 8) { try $0.value(Int64.self) }
  }
}

private final class FloatCounts: ValueCounts {
  /// A float in Postgres's order, where NaN equals itself and is the greatest, and -0 before 0.
  private struct Value: SpelledValue {
    let number: Double

    func hasSameValue(as other: Value) -> Bool { number.compared(to: other.number) == 0 }

    static func == (a: Value, b: Value) -> Bool { a.number.bitPattern == b.number.bitPattern }

    static func < (a: Value, b: Value) -> Bool {
      let order = a.number.compared(to: b.number)
      return order == 0 ? a.number.bitPattern > b.number.bitPattern : order < 0
    }
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

  override func writeState(to writer: inout StateWriter) throws {
    try counts.write(to: &writer) { try $1.append($0.number.bitPattern) }
  }

  override func restoreState(from reader: inout StateReader) throws {
    try counts.restore(from: &reader, bytesEach: 8) {
      Value(number: Double(bitPattern: try $0.value(UInt64.self)))
    }
  }
}

private final class NumericCounts: ValueCounts {
  /// A numeric, those with fewer digits after the point first among equal ones.
  private struct Value: SpelledValue {
    let number: Numeric

    func hasSameValue(as other: Value) -> Bool { number == other.number }

    static func == (a: Value, b: Value) -> Bool {
      a.number.scale == b.number.scale && a.number == b.number
    }

    static func < (a: Value, b: Value) -> Bool {
      let order = a.number.compared(to: b.number)
      return order == 0 ? a.number.scale < b.number.scale : order < 0
    }
  }

  private var counts = OrderedCounts<Value>()

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    guard case .bytes(let bytes) = datum, let number = Numeric(encoded: bytes) else { return }
    counts.add(Value(number: number), weight)
  }

  override func withFirst(_ body: (Datum) -> Void) { counts.first?.number.withDatum(body) }

  override func withLast(_ body: (Datum) -> Void) { counts.last?.number.withDatum(body) }

  override func writeState(to writer: inout StateWriter) throws {
    try counts.write(to: &writer) { value, writer in
      var encoded: [UInt8] = []
      value.number.encode(into: &encoded)
      try encoded.withUnsafeBytes { try writer.append(sized: $0) }
    }
  }

  override func restoreState(from reader: inout StateReader) throws {
    try counts.restore(from: &reader, bytesEach: 7) { reader in
      let number = try reader.bytes().withUnsafeBytes { Numeric(encoded: $0) }
      guard let number else { throw reader.damage("a numeric") }
      return Value(number: number)
    }
  }
}

/// Text and its like, in byte order.
private final class TextCounts: ValueCounts {
  private struct Value: SpelledValue {
    let bytes: [UInt8]
    /// Without the padding of a `char(n)`.
    let length: Int

    func hasSameValue(as other: Value) -> Bool {
      bytes.prefix(length).elementsEqual(other.bytes.prefix(other.length))
    }

    static func == (a: Value, b: Value) -> Bool { a.bytes == b.bytes }

    static func < (a: Value, b: Value) -> Bool {
      let (x, y) = (a.bytes.prefix(a.length), b.bytes.prefix(b.length))
      return x.lexicographicallyPrecedes(y)
        || (a.bytes.count < b.bytes.count && x.elementsEqual(y))
    }
  }

  private let isBlankPadded: Bool
  private var counts = OrderedCounts<Value>()

  init(isBlankPadded: Bool) { self.isBlankPadded = isBlankPadded }

  override var distinctCount: Int { counts.distinctCount }

  override func add(_ datum: Datum, weight: Int) {
    guard case .bytes(let bytes) = datum else { return }
    counts.add(value(Array(bytes)), weight)
  }

  private func value(_ bytes: [UInt8]) -> Value {
    let length =
      isBlankPadded ? bytes.withUnsafeBytes { $0.withoutTrailingBlanks.count } : bytes.count
    return Value(bytes: bytes, length: length)
  }

  override func withFirst(_ body: (Datum) -> Void) {
    counts.first?.bytes.withUnsafeBytes { body(.bytes($0)) }
  }

  override func withLast(_ body: (Datum) -> Void) {
    counts.last?.bytes.withUnsafeBytes { body(.bytes($0)) }
  }

  override func writeState(to writer: inout StateWriter) throws {
    try counts.write(to: &writer) { value, writer in
      try value.bytes.withUnsafeBytes { try writer.append(sized: $0) }
    }
  }

  override func restoreState(from reader: inout StateReader) throws {
    try counts.restore(from: &reader, bytesEach: 4) { value(try $0.bytes()) }
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

@testable import Engine

/// A SQL value in the plainest form, for the slow evaluators.
enum Cell: Hashable {
  case null
  /// bool, integers.
  case word(Int64)
  case decimal(PlainDecimal)
  /// ASCII only, so that Swift's order is that of bytes.
  case text(String)
  /// Where an expression failed.
  case fault

  static func bool(_ value: Bool) -> Cell { .word(value ? 1 : 0) }

  var isTrue: Bool { self == .word(1) }

  var isNull: Bool { self == .null }

  /// As a row of a view shows it; a decimal without trailing zeros unless `exactly`.
  func text(exactly: Bool) -> String {
    switch self {
    case .null: "null"
    case .word(let word): "\(word)"
    case .decimal(let decimal): exactly ? decimal.text : decimal.normalized.text
    case .text(let text): "'\(text)'"
    case .fault: "fault"
    }
  }

  init(_ datum: Datum, _ type: ColumnType) {
    switch datum {
    case .null: self = .null
    case .word(let word): self = .word(word)
    case .fault: self = .fault
    case .bytes(let bytes):
      guard type == .numeric else {
        self = .text(String(decoding: bytes, as: UTF8.self))
        return
      }
      self = Numeric(encoded: bytes).map { .decimal(PlainDecimal($0.description)) } ?? .fault
    }
  }
}

/// `unscaled / 10^scale`, equal to what has the same value.
struct PlainDecimal: Hashable, Comparable {
  let unscaled: Int
  let scale: Int

  init(_ unscaled: Int, scale: Int) {
    self.unscaled = unscaled
    self.scale = scale
  }

  init(_ text: String) {
    let parts = text.split(separator: ".")
    self.init(Int(parts.joined()) ?? 0, scale: parts.count == 2 ? parts[1].count : 0)
  }

  var normalized: PlainDecimal {
    scale > 0 && unscaled % 10 == 0
      ? PlainDecimal(unscaled / 10, scale: scale - 1).normalized : self
  }

  var text: String {
    var digits = String(unscaled.magnitude)
    while digits.count <= scale { digits = "0" + digits }
    if scale > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale)) }
    return (unscaled < 0 ? "-" : "") + digits
  }

  func rescaled(_ scale: Int) -> Int {
    (self.scale..<max(scale, self.scale)).reduce(unscaled) { value, _ in value * 10 }
  }

  static func + (a: PlainDecimal, b: PlainDecimal) -> PlainDecimal {
    let scale = max(a.scale, b.scale)
    return PlainDecimal(a.rescaled(scale) + b.rescaled(scale), scale: scale)
  }

  static func == (a: PlainDecimal, b: PlainDecimal) -> Bool {
    a.rescaled(b.scale) == b.rescaled(a.scale)
  }

  static func < (a: PlainDecimal, b: PlainDecimal) -> Bool {
    a.rescaled(b.scale) < b.rescaled(a.scale)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(normalized.unscaled)
    hasher.combine(normalized.scale)
  }
}

extension Cell {
  /// Ascending order among values of one type.
  static func precedes(_ a: Cell, _ b: Cell) -> Bool {
    switch (a, b) {
    case (.word(let a), .word(let b)): a < b
    case (.decimal(let a), .decimal(let b)): a < b
    case (.text(let a), .text(let b)): a < b
    default: false
    }
  }

  /// Ascending order in which equal decimals with fewer digits come first.
  static func isSpelledBefore(_ a: Cell, _ b: Cell) -> Bool {
    if case .decimal(let a) = a, case .decimal(let b) = b, a == b { return a.scale < b.scale }
    return precedes(a, b)
  }

  /// The value in the binary format of its type's send function; nil for NULL.
  func wire(_ type: ColumnType) -> [UInt8]? {
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
    switch (self, type) {
    case (.word(let word), .int8): return bytes(word)
    case (.word(let word), .int4): return bytes(Int32(word))
    case (.word(let word), .bool): return [UInt8(word)]
    case (.text(let text), _): return Array(text.utf8)
    case (.decimal(let decimal), _): return decimal.wire
    default: return nil
    }
  }
}

extension PlainDecimal {
  /// As `numeric_send` writes it: count, weight, sign, scale, digits of base 10000.
  fileprivate var wire: [UInt8] {
    let padded = (4 - scale % 4) % 4
    var rest = Int(unscaled.magnitude) * [1, 10, 100, 1000][padded]
    var digits: [Int] = []
    while rest > 0 {
      digits.insert(rest % 10_000, at: 0)
      rest /= 10_000
    }
    let weight = digits.count - 1 - (scale + padded) / 4
    let fields = [digits.count, weight, unscaled < 0 ? 0x4000 : 0, scale] + digits
    return fields.flatMap { field in
      withUnsafeBytes(of: Int16(truncatingIfNeeded: field).bigEndian) { Array($0) }
    }
  }
}

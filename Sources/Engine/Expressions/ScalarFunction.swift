/// The strict functions that expressions call: NULL in, NULL out.
///
/// Each stands for all built-in Postgres functions that do the same to our representation: `int4eq`, `int84eq`
/// and `timestamp_eq` all compare two words. ``named(_:)`` resolves `pg_proc.prosrc`.
package enum ScalarFunction: Hashable, Sendable, BitwiseCopyable {
  case compareWords(Comparison)
  case compareFloats(Comparison)
  case compareNumerics(Comparison)
  case compareBytes(Comparison)
  case compareBlankPadded(Comparison)

  case addInt(IntWidth)
  case subtractInt(IntWidth)
  case multiplyInt(IntWidth)
  case divideInt(IntWidth)
  case moduloInt(IntWidth)
  case negateInt(IntWidth)
  case absoluteInt(IntWidth)

  case addFloat(FloatWidth)
  case subtractFloat(FloatWidth)
  case multiplyFloat(FloatWidth)
  case divideFloat(FloatWidth)
  case negateFloat, absoluteFloat

  case addNumeric, subtractNumeric, multiplyNumeric, divideNumeric, moduloNumeric
  case negateNumeric, absoluteNumeric, signNumeric, ceilNumeric, floorNumeric
  case roundNumeric, truncateNumeric
  /// `numeric(value, typmod)`: rounds to a declared scale and checks the precision.
  case fitNumeric

  case narrowInt(IntWidth)
  case intToNumeric
  case numericToInt(IntWidth)
  case intToFloat(FloatWidth)
  case floatToInt(IntWidth)
  case numericToFloat(FloatWidth)
  case floatToNumeric(FloatWidth)
  case narrowFloat
  case intToBool
  case toText(ColumnType)

  case concatenate, characterLength, byteLength
  case like, notLike
  case lowercase(LetterCase)

  package enum Comparison: UInt8, Sendable, BitwiseCopyable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

    /// What the comparison says of an ordering: negative, zero or positive.
    @inline(__always)
    func holds(_ order: Int) -> Bool {
      switch self {
      case .equal: order == 0
      case .notEqual: order != 0
      case .less: order < 0
      case .lessOrEqual: order <= 0
      case .greater: order > 0
      case .greaterOrEqual: order >= 0
      }
    }
  }

  package enum IntWidth: UInt8, Sendable, BitwiseCopyable { case int2, int4, int8 }
  package enum FloatWidth: UInt8, Sendable, BitwiseCopyable { case float4, float8 }

  /// Whether the function is an equality, on which rows can be joined by hash.
  package var isEquality: Bool { comparison == .equal }

  /// Whether the function needs the order of values, not only their equality.
  package var needsOrder: Bool {
    switch comparison {
    case nil, .equal, .notEqual: false
    case .less, .lessOrEqual, .greater, .greaterOrEqual: true
    }
  }

  private var comparison: Comparison? {
    switch self {
    case .compareWords(let comparison), .compareFloats(let comparison),
      .compareNumerics(let comparison), .compareBytes(let comparison),
      .compareBlankPadded(let comparison):
      comparison
    default: nil
    }
  }

  /// The comparison of two values of one type.
  package static func compare(_ type: ColumnType, _ comparison: Comparison) -> ScalarFunction? {
    switch type {
    case .bool, .int2, .int4, .int8, .date, .timestamp, .timestamptz: .compareWords(comparison)
    case .float4, .float8: .compareFloats(comparison)
    case .numeric: .compareNumerics(comparison)
    case .text, .uuid, .enumeration: .compareBytes(comparison)
    case .bpchar: .compareBlankPadded(comparison)
    case .json, .jsonb: nil
    }
  }
}

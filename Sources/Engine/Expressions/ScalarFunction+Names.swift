extension ScalarFunction {
  /// What a built-in function of Postgres does here, by `pg_proc.prosrc`; nil where it is not supported.
  ///
  /// Only for functions of language `internal`, whose source name is the C function's and is the same in
  /// every server version.
  package static func named(_ internalName: String) -> ScalarFunction? { table[internalName] }

  private static let table: [String: ScalarFunction] = {
    var table = comparisons
    table.merge(integerArithmetic) { first, _ in first }
    table.merge(floatArithmetic) { first, _ in first }
    table.merge(numericArithmetic) { first, _ in first }
    table.merge(casts) { first, _ in first }
    table.merge(texts) { first, _ in first }
    return table
  }()

  private static let suffixes: [(String, Comparison)] = [
    ("eq", .equal), ("ne", .notEqual), ("lt", .less), ("le", .lessOrEqual), ("gt", .greater),
    ("ge", .greaterOrEqual),
  ]

  private static var comparisons: [String: ScalarFunction] {
    let families: [(prefixes: [String], make: (Comparison) -> ScalarFunction)] = [
      (
        [
          "int2", "int4", "int8", "int24", "int42", "int28", "int82", "int48", "int84", "bool",
          "date_", "timestamp_",
        ], { .compareWords($0) }
      ),
      (["float4", "float8", "float48", "float84"], { .compareFloats($0) }),
      (["numeric_"], { .compareNumerics($0) }),
      (["text", "text_", "uuid_", "enum_"], { .compareBytes($0) }),
      (["bpchar"], { .compareBlankPadded($0) }),
    ]
    var table: [String: ScalarFunction] = [:]
    for family in families {
      for prefix in family.prefixes {
        for (suffix, comparison) in suffixes { table[prefix + suffix] = family.make(comparison) }
      }
    }
    // Enums order by pg_enum.enumsortorder, which their labels do not show.
    for suffix in ["lt", "le", "gt", "ge"] { table["enum_" + suffix] = nil }
    return table
  }

  private static var integerArithmetic: [String: ScalarFunction] {
    // The widths of a mixed operator: its result has the wider one.
    let families: [(String, IntWidth)] = [
      ("int2", .int2), ("int4", .int4), ("int8", .int8), ("int24", .int4), ("int42", .int4),
      ("int28", .int8), ("int82", .int8), ("int48", .int8), ("int84", .int8),
    ]
    var table: [String: ScalarFunction] = [:]
    for (prefix, width) in families {
      table[prefix + "pl"] = .addInt(width)
      table[prefix + "mi"] = .subtractInt(width)
      table[prefix + "mul"] = .multiplyInt(width)
      table[prefix + "div"] = .divideInt(width)
      table[prefix + "mod"] = .moduloInt(width)
      table[prefix + "um"] = .negateInt(width)
      table[prefix + "abs"] = .absoluteInt(width)
    }
    return table
  }

  private static var floatArithmetic: [String: ScalarFunction] {
    let families: [(String, FloatWidth)] = [
      ("float4", .float4), ("float8", .float8), ("float48", .float8), ("float84", .float8),
    ]
    var table: [String: ScalarFunction] = [:]
    for (prefix, width) in families {
      table[prefix + "pl"] = .addFloat(width)
      table[prefix + "mi"] = .subtractFloat(width)
      table[prefix + "mul"] = .multiplyFloat(width)
      table[prefix + "div"] = .divideFloat(width)
      table[prefix + "um"] = .negateFloat
      table[prefix + "abs"] = .absoluteFloat
    }
    return table
  }

  private static let numericArithmetic: [String: ScalarFunction] = [
    "numeric_add": .addNumeric, "numeric_sub": .subtractNumeric, "numeric_mul": .multiplyNumeric,
    "numeric_div": .divideNumeric, "numeric_mod": .moduloNumeric, "numeric_uminus": .negateNumeric,
    "numeric_abs": .absoluteNumeric, "numeric_sign": .signNumeric, "numeric_ceil": .ceilNumeric,
    "numeric_floor": .floorNumeric, "numeric_round": .roundNumeric,
    "numeric_trunc": .truncateNumeric, "numeric": .fitNumeric,
  ]

  private static let casts: [String: ScalarFunction] = [
    // Widening an integer changes nothing: words are 64 bits already.
    "i2toi4": .narrowInt(.int4), "i4toi2": .narrowInt(.int2), "int48": .narrowInt(.int8),
    "int84": .narrowInt(.int4), "int28": .narrowInt(.int8), "int82": .narrowInt(.int2),
    "int4_bool": .intToBool, "bool_int4": .narrowInt(.int4),
    "int2_numeric": .intToNumeric, "int4_numeric": .intToNumeric, "int8_numeric": .intToNumeric,
    "numeric_int2": .numericToInt(.int2), "numeric_int4": .numericToInt(.int4),
    "numeric_int8": .numericToInt(.int8),
    "i2tof": .intToFloat(.float4), "i4tof": .intToFloat(.float4), "i8tof": .intToFloat(.float4),
    "i2tod": .intToFloat(.float8), "i4tod": .intToFloat(.float8), "i8tod": .intToFloat(.float8),
    "ftoi2": .floatToInt(.int2), "ftoi4": .floatToInt(.int4), "ftoi8": .floatToInt(.int8),
    "dtoi2": .floatToInt(.int2), "dtoi4": .floatToInt(.int4), "dtoi8": .floatToInt(.int8),
    "numeric_float4": .numericToFloat(.float4), "numeric_float8": .numericToFloat(.float8),
    "float4_numeric": .floatToNumeric(.float4), "float8_numeric": .floatToNumeric(.float8),
    "dtof": .narrowFloat,
  ]

  private static let texts: [String: ScalarFunction] = [
    "textcat": .concatenate, "textlen": .characterLength, "textoctetlen": .byteLength,
    "textlike": .like, "textnlike": .notLike,
  ]
}

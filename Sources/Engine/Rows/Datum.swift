/// One SQL value while an expression runs: trivially copyable, owning nothing.
///
/// The static type says how to read it (see ``ColumnType/representation``). A `bytes` payload points
/// into a row, a constant or the scratch arena, and is valid only until that is changed or reset.
package enum Datum: BitwiseCopyable {
  case null
  /// bool, integers, floats (bit pattern of the `Double`), dates and timestamps.
  case word(Int64)
  /// text, numeric (see `Numeric`), uuid, json.
  case bytes(UnsafeRawBufferPointer)
  /// What stands where an expression failed; it spreads through everything computed from it.
  case fault(ValueFault)

  package static func bool(_ value: Bool) -> Datum { .word(value ? 1 : 0) }

  package static func float(_ value: Double) -> Datum {
    .word(Int64(bitPattern: value.bitPattern))
  }

  package var isNull: Bool {
    if case .null = self { true } else { false }
  }

  package var isTrue: Bool {
    if case .word(1) = self { true } else { false }
  }
}

extension Int64 {
  /// The float a word carries.
  var asDouble: Double { Double(bitPattern: UInt64(bitPattern: self)) }
}

/// The SQL types that live views can carry.
package enum ColumnType: UInt8, Hashable, Sendable, CaseIterable, BitwiseCopyable {
  case bool, int2, int4, int8, float4, float8
  case date, timestamp, timestamptz
  case numeric, text, bpchar, uuid, enumeration, json, jsonb

  /// How a value of the type lies in a row and in a ``Datum``.
  package enum Representation: Sendable { case word, bytes }

  package var representation: Representation {
    switch self {
    case .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz: .word
    case .numeric, .text, .bpchar, .uuid, .enumeration, .json, .jsonb: .bytes
    }
  }

  /// Whether values that SQL calls equal always have the same bytes.
  ///
  /// `1.0` and `1.00`, `0.0` and `-0.0`, `'a'` and `'a '` as `char(2)` are equal but print differently:
  /// a key holds their canonical form, and what is shown is kept beside it.
  package var isCanonical: Bool {
    switch self {
    case .float4, .float8, .numeric, .bpchar: false
    case .bool, .int2, .int4, .int8, .date, .timestamp, .timestamptz: true
    case .text, .uuid, .enumeration, .json, .jsonb: true
    }
  }

  /// Whether equal values can be told; without that they can't be grouped, joined or a key.
  ///
  /// Postgres has no equality for `json`, and its own for `jsonb`, under which `1.0` and `1.00` are the same.
  package var hasEquality: Bool { self != .json && self != .jsonb }

  /// Built-in types by their fixed OID (`pg_type.dat`); enums are found through `pg_type.typtype`.
  package init?(oid: UInt32) {
    switch oid {
    case 16: self = .bool
    case 21: self = .int2
    case 23: self = .int4
    case 20: self = .int8
    case 700: self = .float4
    case 701: self = .float8
    case 1082: self = .date
    case 1114: self = .timestamp
    case 1184: self = .timestamptz
    case 1700: self = .numeric
    case 25, 1043: self = .text
    case 1042: self = .bpchar
    case 2950: self = .uuid
    case 114: self = .json
    case 3802: self = .jsonb
    default: return nil
    }
  }
}

/// Times as PostgreSQL counts them: microseconds since 2000-01-01 UTC.
package enum PostgresTime {
  /// Reads a time with its zone as `timestamptz` takes it, RFC 3339 among its forms.
  package static func microseconds(_ text: String) -> Int64? {
    var text = text
    let arena = ScratchArena()
    return text.withUTF8 { bytes in
      guard
        case .word(let time)? = ColumnType.timestamptz.parse(UnsafeRawBufferPointer(bytes), arena)
      else { return nil }
      return time
    }
  }
}

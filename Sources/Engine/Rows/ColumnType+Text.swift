extension ColumnType {
  /// Appends a value as `to_json` writes it; NULL is `null`.
  func writeJSON(_ datum: Datum, to sink: inout some ByteSink) {
    switch datum {
    case .null, .fault: JSONText.writeNull(to: &sink)
    case .word(let word): writeJSON(word, to: &sink)
    case .bytes(let bytes): writeJSON(bytes, to: &sink)
    }
  }

  private func writeJSON(_ word: Int64, to sink: inout some ByteSink) {
    switch self {
    case .bool: JSONText.write(word != 0, to: &sink)
    case .float8: JSONText.write(word.asDouble, to: &sink)
    case .float4: JSONText.write(Float(word.asDouble), to: &sink)
    case .date: JSONText.write(date: Int32(truncatingIfNeeded: word), to: &sink)
    case .timestamp: JSONText.write(timestamp: word, to: &sink)
    case .timestamptz: JSONText.write(timestamptz: word, to: &sink)
    default: JSONText.write(word, to: &sink)
    }
  }

  private func writeJSON(_ bytes: UnsafeRawBufferPointer, to sink: inout some ByteSink) {
    switch self {
    case .numeric: JSONText.write(Numeric(encoded: bytes) ?? .nan, to: &sink)
    case .uuid: JSONText.write(uuid: bytes.asUUID, to: &sink)
    case .json, .jsonb: sink.append(contentsOf: bytes)
    default: JSONText.write(text: bytes, to: &sink)
    }
  }

  /// Appends a value as a cast to text writes it.
  func writeText(_ datum: Datum, to sink: inout some ByteSink) {
    switch (self, datum) {
    case (_, .null), (_, .fault): break
    case (.bool, .word(let word)): PlainText.write(cast: word != 0, to: &sink)
    case (.float8, .word(let word)): PlainText.write(word.asDouble, to: &sink)
    case (.float4, .word(let word)): PlainText.write(Float(word.asDouble), to: &sink)
    case (.date, .word(let word)):
      PlainText.write(date: Int32(truncatingIfNeeded: word), to: &sink)
    case (.timestamp, .word(let word)): PlainText.write(timestamp: word, to: &sink)
    case (.timestamptz, .word(let word)): PlainText.write(timestamptz: word, to: &sink)
    case (_, .word(let word)): PlainText.write(word, to: &sink)
    case (.numeric, .bytes(let bytes)):
      PlainText.write(Numeric(encoded: bytes) ?? .nan, to: &sink)
    case (.uuid, .bytes(let bytes)): PlainText.write(uuid: bytes.asUUID, to: &sink)
    case (_, .bytes(let bytes)): sink.append(contentsOf: bytes)
    }
  }

  /// A whole number as a value of the type; nil if the type is not one of numbers, or too narrow for it.
  func number(_ value: Int64) -> Expression.Constant.Value? {
    switch self {
    case .int2: Int16(exactly: value).map { .word(Int64($0)) }
    case .int4: Int32(exactly: value).map { .word(Int64($0)) }
    case .int8: .word(value)
    case .float4, .float8: .word(Int64(bitPattern: Double(value).bitPattern))
    case .numeric:
      .bytes(
        {
          var bytes: [UInt8] = []
          Numeric(value).encode(into: &bytes)
          return bytes
        }())
    case .bool, .date, .timestamp, .timestamptz, .text, .bpchar, .uuid, .enumeration, .json,
      .jsonb:
      nil
    }
  }

  /// Reads a value as a URL gives it; nil if it is not of the type.
  func parse(_ text: UnsafeRawBufferPointer, _ arena: ScratchArena) -> Datum? {
    switch self {
    case .bool: KeyText.bool(text).map { .bool($0) }
    case .int2: KeyText.integer(text, Int16.self).map { .word(Int64($0)) }
    case .int4: KeyText.integer(text, Int32.self).map { .word(Int64($0)) }
    case .int8: KeyText.integer(text, Int64.self).map { .word($0) }
    case .float8: KeyText.float(text, Double.self).map { .float($0) }
    case .float4: KeyText.float(text, Float.self).map { .float(Double($0)) }
    case .date: KeyText.date(text).map { .word(Int64($0)) }
    case .timestamp: KeyText.timestamp(text).map { .word($0) }
    case .timestamptz: KeyText.timestamptz(text).map { .word($0) }
    case .numeric: KeyText.numeric(text).map { arena.numeric($0) }
    case .uuid:
      KeyText.uuid(text).map { value in
        withUnsafeBytes(of: value.bigEndian) { .bytes(arena.copy($0)) }
      }
    case .text, .bpchar, .enumeration: .bytes(text)
    case .json, .jsonb: nil
    }
  }

  /// The same of a string; what the value points to is in the arena.
  func parse(_ text: String, _ arena: ScratchArena) -> Datum? {
    var text = text
    return text.withUTF8 { utf8 in
      let datum = parse(UnsafeRawBufferPointer(utf8), arena)
      guard case .bytes(let bytes) = datum else { return datum }
      return .bytes(arena.copy(bytes))
    }
  }
}

extension UnsafeRawBufferPointer {
  /// A uuid's 16 bytes as one number.
  var asUUID: UInt128 {
    count == 16 ? UInt128(bigEndian: loadUnaligned(as: UInt128.self)) : 0
  }
}

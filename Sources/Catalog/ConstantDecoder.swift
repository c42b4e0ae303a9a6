import Engine

/// Reads the datum of a `CONST` node: memory of the server, in its byte order.
///
/// Fixed types are passed by value in 8 bytes; variable ones carry a length header of 4 bytes, or of 1 when short
/// (`src/include/varatt.h`). Only little-endian servers are read.
enum ConstantDecoder {
  static func decode(_ bytes: [UInt8], _ type: ColumnType, enumLabels: [UInt32: String])
    -> Expression.Constant.Value?
  {
    switch type {
    case .bool: return bytes.first.map { .word($0 == 0 ? 0 : 1) }
    case .int2: return word(bytes, as: Int16.self)
    case .int4, .date: return word(bytes, as: Int32.self)
    case .int8, .float8, .timestamp, .timestamptz: return word(bytes, as: Int64.self)
    case .float4:
      return load(bytes, as: UInt32.self).map {
        .word(Int64(bitPattern: Double(Float(bitPattern: $0)).bitPattern))
      }
    case .enumeration:
      return load(bytes, as: UInt32.self).flatMap { enumLabels[$0] }.map { .bytes(Array($0.utf8)) }
    case .uuid: return bytes.count == 16 ? .bytes(bytes) : nil
    case .text, .bpchar, .json: return body(bytes[...]).map { .bytes(Array($0.body)) }
    case .numeric: return body(bytes[...]).flatMap { numeric($0.body) }
    case .jsonb: return nil
    }
  }

  /// The elements of a one-dimensional array constant (`src/include/utils/array.h`).
  static func decodeArray(
    _ bytes: [UInt8], _ columnType: (UInt32) -> ColumnType?, enumLabels: [UInt32: String]
  ) -> (elementOID: UInt32, [Expression.Constant.Value])? {
    guard let (array, _) = body(bytes[...]) else { return nil }
    let content = Array(array)
    guard let dimensions = load(content, as: Int32.self),
      let dataOffset = load(content, as: Int32.self, at: 4),
      let elementOID = load(content, as: UInt32.self, at: 8), let type = columnType(elementOID)
    else { return nil }
    if dimensions == 0 { return (elementOID, []) }
    guard dimensions == 1, dataOffset == 0, let count = load(content, as: Int32.self, at: 12)
    else { return nil }
    var values: [Expression.Constant.Value] = []
    var at = 20
    for _ in 0..<max(0, count) {
      guard let element = element(content, &at, type),
        let value = decode(element, type, enumLabels: enumLabels)
      else { return nil }
      values.append(value)
    }
    return (elementOID, values)
  }

  private static func element(_ content: [UInt8], _ at: inout Int, _ type: ColumnType) -> [UInt8]? {
    let size: Int
    switch type {
    case .bool: size = 1
    case .int2: size = 2
    case .int4, .date, .float4, .enumeration: size = 4
    case .int8, .float8, .timestamp, .timestamptz: size = 8
    case .uuid: size = 16
    case .text, .bpchar, .numeric, .json: return variableElement(content, &at)
    case .jsonb: return nil
    }
    // The header of an array is 24 bytes with its length word, so that offsets align as in memory.
    let alignment = type == .uuid ? 1 : min(size, 8)
    at = ((at + 4) + alignment - 1) / alignment * alignment - 4
    guard at + size <= content.count else { return nil }
    defer { at += size }
    return Array(content[at..<(at + size)])
  }

  private static func variableElement(_ content: [UInt8], _ at: inout Int) -> [UInt8]? {
    if at < content.count, content[at] & 1 == 0 { at = ((at + 4) + 3) / 4 * 4 - 4 }
    guard at < content.count, let (_, total) = body(content[at...]) else { return nil }
    defer { at += total }
    return Array(content[at..<(at + total)])
  }

  /// A variable-length datum without its header, and its size with it; nil if compressed or out of line.
  private static func body(_ bytes: ArraySlice<UInt8>) -> (body: ArraySlice<UInt8>, total: Int)? {
    guard let first = bytes.first else { return nil }
    if first & 1 == 1 {
      let total = Int(first >> 1)
      guard total >= 1, total <= bytes.count else { return nil }
      return (bytes.dropFirst(1).prefix(total - 1), total)
    }
    guard first & 3 == 0, let header = load(Array(bytes.prefix(4)), as: UInt32.self) else {
      return nil
    }
    let total = Int(header >> 2)
    guard total >= 4, total <= bytes.count else { return nil }
    return (bytes.dropFirst(4).prefix(total - 4), total)
  }

  private static func numeric(_ body: ArraySlice<UInt8>) -> Expression.Constant.Value? {
    let bytes = Array(body)
    return bytes.withUnsafeBytes { raw in
      guard let numeric = try? Numeric(datum: raw) else { return nil }
      var encoded: [UInt8] = []
      numeric.encode(into: &encoded)
      return .bytes(encoded)
    }
  }

  private static func word<Integer: FixedWidthInteger>(_ bytes: [UInt8], as type: Integer.Type)
    -> Expression.Constant.Value?
  {
    load(bytes, as: type).map { .word(Int64(truncatingIfNeeded: $0)) }
  }

  private static func load<Integer: FixedWidthInteger>(
    _ bytes: [UInt8], as type: Integer.Type, at offset: Int = 0
  ) -> Integer? {
    let size = MemoryLayout<Integer>.size
    guard offset + size <= bytes.count else { return nil }
    return bytes.withUnsafeBytes {
      Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type))
    }
  }
}

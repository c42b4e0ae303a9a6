extension ColumnType {
  /// Reads a value in the binary format of the type's send function, as `COPY` and pgoutput deliver it.
  ///
  /// Bytes stay where they are where the formats agree; numerics are encoded into `arena`.
  @inline(__always)
  func datum(wire bytes: UnsafeRawBufferPointer, _ arena: ScratchArena) throws(ValueFault) -> Datum
  {
    switch self {
    case .int4, .date: return .word(Int64(try bytes.bigEndian(Int32.self)))
    case .int8, .timestamp, .timestamptz, .float8: return .word(try bytes.bigEndian(Int64.self))
    case .int2: return .word(Int64(try bytes.bigEndian(Int16.self)))
    case .text, .bpchar, .enumeration, .json: return .bytes(bytes)
    case .bool: return .bool(try bytes.bigEndian(UInt8.self) != 0)
    case .float4: return .float(Double(Float(bitPattern: try bytes.bigEndian(UInt32.self))))
    case .numeric: return arena.numeric(try Numeric(wire: bytes))
    case .uuid:
      guard bytes.count == 16 else { throw .malformedBinary }
      return .bytes(bytes)
    case .jsonb:
      // A version byte, which is 1, then the text.
      guard bytes.first == 1 else { throw .malformedBinary }
      return .bytes(UnsafeRawBufferPointer(rebasing: bytes[1...]))
    }
  }
}

extension UnsafeRawBufferPointer {
  @inline(__always)
  fileprivate func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type)
    throws(ValueFault) -> Integer
  {
    guard count == MemoryLayout<Integer>.size else { throw .malformedBinary }
    return Integer(bigEndian: loadUnaligned(as: type))
  }
}

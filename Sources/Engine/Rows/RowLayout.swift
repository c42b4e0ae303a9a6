/// Where each column of a row lies.
///
/// A row is one run of bytes:
///
///     fault (1) | null bits ((n + 7) / 8) | n slots of 8 | variable part
///
/// A slot holds a word in host order, or the offset (from the row's start) and length of its bytes, 32 bits each.
/// A null's slot is 0; where an expression failed, the null bit is set and the slot holds the fault.
/// The first byte is a fault of the row itself: a condition that failed, so that nobody knows whether
/// the row belongs there. Equal rows have equal bytes, whatever built them.
package struct RowLayout: Sendable {
  package let types: [ColumnType]
  package let slots: [ColumnSlot]
  /// Bytes before the variable part.
  package let fixedBytes: Int

  package init(_ types: [ColumnType]) {
    self.types = types
    let slotBase = 1 + (types.count + 7) / 8
    slots = types.indices.map { ColumnSlot($0, of: types[$0], slotBase: slotBase) }
    fixedBytes = slotBase + 8 * types.count
  }
}

/// One column's place in a row, precomputed for reading.
package struct ColumnSlot: BitwiseCopyable, Sendable {
  let nullByte: Int32
  let offset: Int32
  let nullMask: UInt8
  let isBytes: Bool

  init(_ index: Int, of type: ColumnType, slotBase: Int) {
    nullByte = Int32(1 + index / 8)
    nullMask = 1 << UInt8(index % 8)
    offset = Int32(slotBase + 8 * index)
    isBytes = type.representation == .bytes
  }
}

/// A row's bytes, borrowed from whoever stores them.
package struct RowRef: BitwiseCopyable {
  package let base: UnsafeRawPointer
  package let count: Int

  package init(base: UnsafeRawPointer, count: Int) {
    self.base = base
    self.count = count
  }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// The fault of the row itself, if a condition on it failed.
  package var fault: ValueFault? { ValueFault(rawValue: base.load(as: UInt8.self)) }

  @inline(__always)
  package func datum(_ slot: ColumnSlot) -> Datum { Self.datum(at: base, slot) }

  @inline(__always)
  static func datum(at base: UnsafeRawPointer, _ slot: ColumnSlot) -> Datum {
    let word = base.loadUnaligned(fromByteOffset: Int(slot.offset), as: Int64.self)
    if base.load(fromByteOffset: Int(slot.nullByte), as: UInt8.self) & slot.nullMask != 0 {
      return word == 0
        ? .null : .fault(ValueFault(rawValue: UInt8(truncatingIfNeeded: word)) ?? .malformedBinary)
    }
    guard slot.isBytes else { return .word(word) }
    let start = Int(UInt32(truncatingIfNeeded: word))
    let length = Int(UInt32(truncatingIfNeeded: word >> 32))
    return .bytes(UnsafeRawBufferPointer(start: base + start, count: length))
  }

  static func == (a: RowRef, b: RowRef) -> Bool { a.bytes.hasSameBytes(as: b.bytes) }
}

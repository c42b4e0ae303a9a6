extension Accumulator {
  func writeState(_ group: UnsafeMutableRawPointer, to writer: inout StateWriter) throws {
    let place = group + offset
    switch function {
    case .count, .sumInt, .sumIntAsNumeric:
      try writer.append(
        bytes: UnsafeRawBufferPointer(start: place, count: Self.bytes(function)))
    case .sumNumeric:
      try write(NumericSumBox.self, place, to: &writer) { try $0.sum.writeState(to: &$1) }
    case .min, .max, .countDistinct:
      try write(ValueCounts.self, place, to: &writer) { try $0.writeState(to: &$1) }
    }
  }

  /// Without a count of references, which would be a change of memory that a forked child shares.
  private func write<Object: AnyObject>(
    _: Object.Type, _ place: UnsafeMutableRawPointer, to writer: inout StateWriter,
    _ body: (Object, inout StateWriter) throws -> Void
  ) throws {
    guard let pointer = place.load(as: UnsafeRawPointer?.self) else {
      return try writer.append(UInt8(0))
    }
    try writer.append(UInt8(1))
    try Unmanaged<Object>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
      try body($0, &writer)
    }
  }

  func restoreState(_ group: UnsafeMutableRawPointer, from reader: inout StateReader) throws {
    let place = group + offset
    switch function {
    case .count, .sumInt, .sumIntAsNumeric:
      try reader.copy(Self.bytes(function), to: place)
    case .sumNumeric:
      guard try reader.flag() else { return }
      let box = NumericSumBox()
      box.sum = try NumericSum(from: &reader)
      own(box, at: place)
    case .min, .max, .countDistinct:
      guard try reader.flag() else { return }
      let counts = ValueCounts.make(argumentType)
      try counts.restoreState(from: &reader)
      own(counts, at: place)
    }
  }

  private func own(_ object: AnyObject, at place: UnsafeMutableRawPointer) {
    place.storeBytes(of: Unmanaged.passRetained(object).toOpaque(), as: UnsafeRawPointer.self)
  }
}

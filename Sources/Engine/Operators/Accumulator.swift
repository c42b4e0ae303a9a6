/// One aggregate's part of a group's record: where it lies and how it changes.
///
/// Fixed words hold counts and integer sums; what grows lies in an object that the record owns.
struct Accumulator {
  let function: Plan.Aggregate.Function
  /// The argument's type; meaningless for `count(*)`.
  let argumentType: ColumnType
  /// The place in a group's payload.
  let offset: Int

  static func bytes(_ function: Plan.Aggregate.Function) -> Int {
    switch function {
    case .count, .sumNumeric, .min, .max, .countDistinct: 8
    // A sum of 128 bits and a count.
    case .sumInt, .sumIntAsNumeric: 24
    }
  }

  /// Adds a value that is not null as often as `weight` says.
  @inline(__always)
  func add(_ datum: Datum, weight: Int, to group: UnsafeMutableRawPointer) {
    let place = group + offset
    switch function {
    case .count:
      place.storeBytes(of: place.load(as: Int.self) &+ weight, as: Int.self)
    case .sumInt, .sumIntAsNumeric:
      guard case .word(let word) = datum else { return }
      let sum = place.loadUnaligned(as: Int128.self) &+ Int128(word) &* Int128(weight)
      place.storeBytes(of: sum, as: Int128.self)
      let count = place.load(fromByteOffset: 16, as: Int.self) &+ weight
      place.storeBytes(of: count, toByteOffset: 16, as: Int.self)
    case .sumNumeric:
      guard case .bytes(let bytes) = datum, let value = Numeric(encoded: bytes) else { return }
      object(at: place, NumericSumBox.init).sum.add(value, weight: weight)
    case .min, .max, .countDistinct:
      object(at: place) { ValueCounts.make(argumentType) }
        .add(datum, weight: weight)
    }
  }

  /// Sets the aggregate's value in the row under construction.
  func write(_ group: UnsafeMutableRawPointer, to slot: ColumnSlot, of row: RowBatch) {
    let place = group + offset
    switch function {
    case .count: row.set(slot, .word(Int64(place.load(as: Int.self))))
    case .sumInt, .sumIntAsNumeric: writeIntSum(place, slot, row)
    case .sumNumeric: writeNumericSum(place, slot, row)
    case .min: writeCounted(place, slot, row) { $0.withFirst($1) }
    case .max: writeCounted(place, slot, row) { $0.withLast($1) }
    case .countDistinct:
      let counts: ValueCounts? = existing(at: place)
      row.set(slot, .word(Int64(counts?.distinctCount ?? 0)))
    }
  }

  /// Gives back what the place holds, and leaves it as new.
  func release(_ group: UnsafeMutableRawPointer) {
    let place = group + offset
    switch function {
    case .count, .sumInt, .sumIntAsNumeric: break
    case .sumNumeric, .min, .max, .countDistinct:
      if let pointer = place.load(as: UnsafeRawPointer?.self) {
        Unmanaged<AnyObject>.fromOpaque(pointer).release()
      }
    }
    place.initializeMemory(as: UInt8.self, repeating: 0, count: Self.bytes(function))
  }

  private func writeIntSum(_ place: UnsafeMutableRawPointer, _ slot: ColumnSlot, _ row: RowBatch) {
    guard place.load(fromByteOffset: 16, as: Int.self) != 0 else { return row.set(slot, .null) }
    let sum = place.loadUnaligned(as: Int128.self)
    if function == .sumIntAsNumeric {
      Numeric(coefficient: sum, scale: 0).withDatum { row.set(slot, $0) }
    } else if let word = Int64(exactly: sum) {
      row.set(slot, .word(word))
    } else {
      row.set(slot, .fault(.integerOutOfRange))
    }
  }

  private func writeNumericSum(
    _ place: UnsafeMutableRawPointer, _ slot: ColumnSlot, _ row: RowBatch
  ) {
    let box: NumericSumBox? = existing(at: place)
    do throws(ValueFault) {
      guard let sum = try box?.sum.sum() else { return row.set(slot, .null) }
      sum.withDatum { row.set(slot, $0) }
    } catch { row.set(slot, .fault(error)) }
  }

  private func writeCounted(
    _ place: UnsafeMutableRawPointer, _ slot: ColumnSlot, _ row: RowBatch,
    _ read: (ValueCounts, (Datum) -> Void) -> Void
  ) {
    let counts: ValueCounts? = existing(at: place)
    guard let counts, counts.distinctCount > 0 else { return row.set(slot, .null) }
    read(counts) { row.set(slot, $0) }
  }

  private func existing<Object: AnyObject>(at place: UnsafeMutableRawPointer) -> Object? {
    place.load(as: UnsafeRawPointer?.self).map {
      Unmanaged<Object>.fromOpaque($0).takeUnretainedValue()
    }
  }

  private func object<Object: AnyObject>(at place: UnsafeMutableRawPointer, _ make: () -> Object)
    -> Object
  {
    if let object: Object = existing(at: place) { return object }
    let object = make()
    place.storeBytes(of: Unmanaged.passRetained(object).toOpaque(), as: UnsafeRawPointer.self)
    return object
  }
}

/// A numeric sum that a group's record owns.
final class NumericSumBox {
  var sum = NumericSum()
}

extension AggregateOperator: StateKeeper {
  var isAtRest: Bool { output.isEmpty && touched.isEmpty }

  /// What a group has besides its weight and its accumulators.
  private struct Aside: OptionSet {
    let rawValue: UInt8
    static let fault = Aside(rawValue: 1)
    static let spelling = Aside(rawValue: 2)
    static let otherSpellings = Aside(rawValue: 4)
  }

  func writeState(to writer: inout StateWriter) throws {
    try writer.append(hasStarted ? 1 : 0 as UInt8)
    try groups.writeSize(to: &writer)
    try groups.forEachInPlaceOrder { record in
      try writer.append(sized: record.key.bytes)
      try writer.append(record.payload.load(as: Int.self))
      try writeAside(record, to: &writer)
      for accumulator in accumulators {
        try accumulator.writeState(record.payload, to: &writer)
      }
    }
  }

  private func writeAside(_ record: RowTable.Record, to writer: inout StateWriter) throws {
    let noted = faults.isEmpty ? nil : faults[record.base]
    let spelling = spellings.block(record)
    let others = spellings.others.isEmpty ? nil : spellings.others[record.base]
    var aside: Aside = noted == nil ? [] : .fault
    if spelling != nil { aside.insert(.spelling) }
    if others != nil { aside.insert(.otherSpellings) }
    try writer.append(aside.rawValue)
    if let noted {
      try writer.append(noted.rows)
      try writer.append(noted.arguments)
      try writer.append(noted.fault.rawValue)
    }
    if let spelling { try GroupSpellings.write(spelling, to: &writer) }
    if let others { try GroupSpellings.write(others, to: &writer) }
  }

  // MARK: Restoring

  func restoreState(from reader: inout StateReader) throws {
    hasStarted = try reader.flag()
    let keyLayout = RowLayout(Array(layout.types.prefix(keyCount)))
    let count = try groups.restoreSize(from: &reader, bytesEach: 13 + keyLayout.fixedBytes)
    for _ in 0..<count {
      let record = try groups.restoreRecord(from: &reader, hasher, keyLayout.holds)
      record.payload.storeBytes(of: try reader.amount(), as: Int.self)
      try restoreAside(of: record, from: &reader)
      for accumulator in accumulators {
        try accumulator.restoreState(record.payload, from: &reader)
      }
    }
  }

  private func restoreAside(of record: RowTable.Record, from reader: inout StateReader) throws {
    let aside = Aside(rawValue: try reader.value(UInt8.self))
    guard aside.rawValue < 8, aside.contains(.spelling) == !key.isCanonical else {
      throw reader.damage("what a group has")
    }
    if aside.contains(.fault) {
      let (rows, arguments) = (try reader.amount(), try reader.amount())
      guard let fault = ValueFault(rawValue: try reader.value(UInt8.self)) else {
        throw reader.damage("a fault")
      }
      faults[record.base] = GroupFaults(rows: rows, arguments: arguments, fault: fault)
    }
    if aside.contains(.spelling) { try spellings.restoreShown(record, from: &reader) }
    if aside.contains(.otherSpellings) { try spellings.restoreOthers(record, from: &reader) }
  }
}

extension GroupSpellings {
  /// Writes the spelling that a group shows.
  fileprivate static func write(
    _ block: UnsafeMutableRawPointer, to writer: inout StateWriter
  ) throws {
    try writer.append(block.load(fromByteOffset: Block.weight, as: Int.self))
    try writer.append(sized: row(block).bytes)
  }

  fileprivate static func write(_ others: [[UInt8]: Int], to writer: inout StateWriter) throws {
    try writer.append(UInt64(others.count))
    for spelling in others.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      try writer.append(others[spelling] ?? 0)
      try spelling.withUnsafeBytes { try writer.append(sized: $0) }
    }
  }

  fileprivate func restoreShown(
    _ record: RowTable.Record, from reader: inout StateReader
  ) throws {
    let weight = try reader.amount()
    let row = try restoreRow(from: &reader)
    row.withUnsafeBytes { show($0, weight: weight, record) }
  }

  fileprivate mutating func restoreOthers(
    _ record: RowTable.Record, from reader: inout StateReader
  ) throws {
    var aside: [[UInt8]: Int] = [:]
    for _ in 0..<(try reader.count(bytesEach: 12 + layout.fixedBytes)) {
      let weight = try reader.amount()
      aside[try restoreRow(from: &reader)] = weight
    }
    guard !aside.isEmpty else { throw reader.damage("a spelling") }
    others[record.base] = aside
  }

  private func restoreRow(from reader: inout StateReader) throws -> [UInt8] {
    let bytes = try reader.bytes()
    let isRow = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { layout.holds(RowRef(base: $0, count: bytes.count)) } ?? false
    }
    guard isRow else { throw reader.damage("a spelling") }
    return bytes
  }
}

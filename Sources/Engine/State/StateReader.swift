/// Reads what a ``StateWriter`` wrote, from its blocks, trusting none of it.
///
/// What is allocated for it is bounded by the bytes that are there: a number of things is refused if they could not follow.
package struct StateReader: ~Copyable {
  private var block = UnsafeRawBufferPointer(start: nil, count: 0)
  private var place = 0
  /// Of the blocks before.
  private var passed = 0
  private let byteCount: Int
  private let next: () throws -> UnsafeRawBufferPointer?

  /// - Parameters:
  ///   - byteCount: how many bytes there are at most, from here on; of a file, what is left of it.
  ///   - next: the next block, valid until the next call; nil if there is none.
  package init(byteCount: Int, next: @escaping () throws -> UnsafeRawBufferPointer?) {
    self.byteCount = byteCount
    self.next = next
  }

  /// From where the reader began.
  package var offset: Int { passed + place }

  /// How many bytes may follow.
  private var left: Int { byteCount - offset }

  @inline(__always)
  mutating func value<Value: BitwiseCopyable>(_: Value.Type) throws -> Value {
    let size = MemoryLayout<Value>.size
    if place + size <= block.count {
      defer { place += size }
      return block.loadUnaligned(fromByteOffset: place, as: Value.self)
    }
    return try withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { bytes in
      guard let base = bytes.baseAddress else { throw damage("a value") }
      try copy(size, to: base)
      return bytes.loadUnaligned(as: Value.self)
    }
  }

  mutating func copy(_ count: Int, to target: UnsafeMutableRawPointer) throws {
    var target = target
    var count = count
    while count > block.count - place {
      let part = block.count - place
      if part > 0, let base = block.baseAddress {
        target.copyMemory(from: base + place, byteCount: part)
      }
      target += part
      count -= part
      try takeBlock()
    }
    guard count > 0, let base = block.baseAddress else { return }
    target.copyMemory(from: base + place, byteCount: count)
    place += count
  }

  private mutating func takeBlock() throws {
    passed += block.count
    block = UnsafeRawBufferPointer(start: nil, count: 0)
    place = 0
    guard let taken = try next(), !taken.isEmpty, taken.count <= byteCount - passed else {
      throw damage("more bytes")
    }
    block = taken
  }

  // MARK: What is checked

  mutating func flag() throws -> Bool {
    switch try value(UInt8.self) {
    case 0: return false
    case 1: return true
    default: throw damage("yes or no")
    }
  }

  /// How many things follow, each of at least so many bytes.
  mutating func count(bytesEach: Int) throws -> Int {
    let count = try value(UInt64.self)
    guard count <= UInt64(left / bytesEach) else { throw damage("so many things") }
    return Int(count)
  }

  /// How many things of at least so many bytes each may follow.
  func countMax(bytesEach: Int) -> Int { left / bytesEach }

  /// How many bytes follow, at least so many.
  mutating func byteCount(atLeast least: Int = 0) throws -> Int {
    let count = Int(try value(UInt32.self))
    guard count >= least, count <= left else { throw damage("so many bytes") }
    return count
  }

  /// How often something is there, or an amount that is reckoned with: far from what could overflow.
  mutating func amount() throws -> Int {
    let amount = try value(Int.self)
    guard amount.magnitude < 1 << 48 else { throw damage("a number in reason") }
    return amount
  }

  /// Bytes behind their number.
  mutating func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: try byteCount())
    try bytes.withUnsafeMutableBytes { buffer in
      if let base = buffer.baseAddress { try copy(buffer.count, to: base) }
    }
    return bytes
  }

  mutating func expect(_ tag: UInt32, _ expected: @autoclosure () -> String) throws {
    guard try value(UInt32.self) == tag else { throw damage(expected()) }
  }

  func damage(_ expected: String) -> StateFault {
    .damaged(offset: offset, expected: expected)
  }
}

/// A growable run of bytes with one owner.
///
/// It owns no memory while empty and fresh. Appending doubles the memory when it must; `removeAll`
/// keeps it for the next use and `release` gives it back.
///
/// Sendable since nothing else knows its memory.
package struct ByteBuffer: ~Copyable, @unchecked Sendable {
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline package private(set) var capacity: Int
  @usableFromInline package var count: Int

  private static let capacityMin = 64

  package init(capacity: Int = 0) {
    base = nil
    count = 0
    self.capacity = 0
    if capacity > 0 { grow(to: capacity) }
  }

  deinit {
    base?.deallocate()
  }

  package var isEmpty: Bool { count == 0 }

  /// The contents, valid until the next change.
  package var view: ByteView { ByteView(bytes) }

  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base, count: count)
  }

  /// The contents for changing in place, valid until the next change.
  package var mutableBytes: UnsafeMutableRawBufferPointer {
    mutating get { UnsafeMutableRawBufferPointer(start: base, count: count) }
  }

  /// Makes room for `additional` more bytes.
  @inlinable
  package mutating func reserve(_ additional: Int) {
    if capacity &- count < additional { growForAppending(additional) }
  }

  @inlinable
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    base.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  @inlinable
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    (base.unsafelyUnwrapped + count).copyMemory(from: source, byteCount: bytes.count)
    count &+= bytes.count
  }

  /// Appends what `fill` writes to free memory of `freeBytes` bytes; it returns how many those are.
  package mutating func append(
    upTo freeBytes: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) {
    reserve(freeBytes)
    let free = UnsafeMutableRawBufferPointer(
      start: base.unsafelyUnwrapped + count, count: freeBytes)
    let filled = fill(free)
    precondition(0...freeBytes ~= filled, "more bytes than there was room for")
    count += filled
  }

  package mutating func removeAll() {
    count = 0
  }

  /// Removes everything but `range`, which moves to the front.
  package mutating func keep(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside of the contents")
    if let base, range.lowerBound > 0, !range.isEmpty {
      base.copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }
    count = range.count
  }

  /// Removes everything and gives the memory back.
  package mutating func release() {
    base?.deallocate()
    base = nil
    count = 0
    capacity = 0
  }

  @usableFromInline
  mutating func growForAppending(_ additional: Int) {
    precondition(additional >= 0, "a negative size")
    grow(to: max(count + additional, capacity * 2, Self.capacityMin))
  }

  private mutating func grow(to newCapacity: Int) {
    let grown = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
    if let base {
      grown.copyMemory(from: base, byteCount: count)
      base.deallocate()
    }
    base = grown
    capacity = newCapacity
  }
}

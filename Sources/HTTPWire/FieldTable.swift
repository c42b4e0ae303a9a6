/// Where the fields of one request head are, in memory that is used again for the next.
package struct FieldTable: ~Copyable {
  private let entries: UnsafeMutableBufferPointer<Field>
  package private(set) var count = 0

  /// The places of one field's name and value.
  struct Field {
    let name: ByteRange
    let value: ByteRange
  }

  package init(capacity: Int) {
    entries = .allocate(capacity: capacity)
  }

  deinit {
    entries.deallocate()
  }

  /// Valid until the next head is parsed.
  var fields: UnsafeBufferPointer<Field> { UnsafeBufferPointer(rebasing: entries[..<count]) }

  mutating func removeAll() {
    count = 0
  }

  /// Adds a field, unless there is no room for it.
  mutating func append(_ field: Field) -> Bool {
    guard count < entries.count else { return false }
    entries.initializeElement(at: count, to: field)
    count += 1
    return true
  }
}

/// One version of a view's row: immutable, encoded once, in one block of memory.
///
///     sequence (8) | older version (8) | copies (4) | row bytes (4) | JSON bytes (4) | fault, queued (2) | row | JSON
package struct RowVersion: BitwiseCopyable {
  let base: UnsafeMutableRawPointer

  private static let headerBytes = 32

  init(sequence: UInt64, older: RowVersion?, _ contents: RowContents) {
    let (row, json) = (contents.row, contents.json)
    base = .allocate(byteCount: Self.headerBytes + row.count + json.count, alignment: 8)
    base.storeBytes(of: sequence, as: UInt64.self)
    base.storeBytes(of: older?.base, toByteOffset: 8, as: UnsafeMutableRawPointer?.self)
    base.storeBytes(of: UInt32(clamping: contents.copies), toByteOffset: 16, as: UInt32.self)
    base.storeBytes(of: UInt32(row.count), toByteOffset: 20, as: UInt32.self)
    base.storeBytes(of: UInt32(json.count), toByteOffset: 24, as: UInt32.self)
    base.storeBytes(of: contents.fault?.rawValue ?? 0, toByteOffset: 28, as: UInt8.self)
    base.storeBytes(of: 0, toByteOffset: 29, as: UInt8.self)
    if let source = row.baseAddress {
      (base + Self.headerBytes).copyMemory(from: source, byteCount: row.count)
    }
    if let source = json.baseAddress {
      (base + Self.headerBytes + row.count).copyMemory(from: source, byteCount: json.count)
    }
  }

  init(base: UnsafeMutableRawPointer) { self.base = base }

  /// Of the step that made it.
  package var sequence: UInt64 { base.load(as: UInt64.self) }

  var older: RowVersion? {
    get { base.load(fromByteOffset: 8, as: UnsafeMutableRawPointer?.self).map(RowVersion.init) }
    nonmutating set {
      base.storeBytes(of: newValue?.base, toByteOffset: 8, as: UnsafeMutableRawPointer?.self)
    }
  }

  package var copies: Int { Int(base.load(fromByteOffset: 16, as: UInt32.self)) }

  /// Why the row has no right value, if an expression failed for it.
  package var fault: ValueFault? {
    ValueFault(rawValue: base.load(fromByteOffset: 28, as: UInt8.self))
  }

  /// Whether the version waits in its table's queue of superseded ones.
  var isQueued: Bool {
    get { base.load(fromByteOffset: 29, as: UInt8.self) != 0 }
    nonmutating set { base.storeBytes(of: newValue ? 1 : 0, toByteOffset: 29, as: UInt8.self) }
  }

  private var rowBytes: Int { Int(base.load(fromByteOffset: 20, as: UInt32.self)) }

  package var row: RowRef {
    RowRef(base: UnsafeRawPointer(base + Self.headerBytes), count: rowBytes)
  }

  /// The row as `to_json` prints it.
  package var json: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: UnsafeRawPointer(base + Self.headerBytes + rowBytes),
      count: Int(base.load(fromByteOffset: 24, as: UInt32.self)))
  }

  func free() { base.deallocate() }
}

/// What a version holds, before it is copied there.
struct RowContents {
  let row: UnsafeRawBufferPointer
  let json: UnsafeRawBufferPointer
  /// How often the row is in the view; 0 marks that the key is gone.
  let copies: Int
  let fault: ValueFault?

  static var none: RowContents {
    RowContents(
      row: UnsafeRawBufferPointer(start: nil, count: 0),
      json: UnsafeRawBufferPointer(start: nil, count: 0), copies: 0, fault: nil)
  }
}

/// A change that is owed to somebody: the same as ``RecordedChange``, in memory of its own, as the step it is of may be large.
package struct LoggedChange: Sendable {
  package let view: LiveView
  /// Key, old row and new row, one behind the other; counts below 0 where there is none.
  private let bytes: [UInt8]
  private let keyCount: Int32
  private let oldCount: Int32
  private let newCount: Int32

  package init(_ change: RecordedChange, of view: LiveView) {
    self.view = view
    keyCount = Int32(change.key.count)
    oldCount = change.old.map { Int32($0.count) } ?? -1
    newCount = change.new.map { Int32($0.count) } ?? -1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      change.key.count + (change.old?.count ?? 0) + (change.new?.count ?? 0))
    for row in [change.key, change.old, change.new] {
      if let row { bytes.append(contentsOf: row.bytes) }
    }
    self.bytes = bytes
  }

  private init(
    _ view: LiveView, key: some Collection<UInt8>, old: ArraySlice<UInt8>?, new: ArraySlice<UInt8>?
  ) {
    self.view = view
    keyCount = Int32(key.count)
    oldCount = old.map { Int32($0.count) } ?? -1
    newCount = new.map { Int32($0.count) } ?? -1
    bytes = Array(key) + (old ?? []) + (new ?? [])
  }

  /// What keeping it costs, with what surrounds it.
  package var byteCount: Int { bytes.count + 128 }

  package var key: ArraySlice<UInt8> { bytes[..<Int(keyCount)] }
  private var oldBytes: ArraySlice<UInt8>? {
    oldCount < 0 ? nil : bytes[Int(keyCount)..<Int(keyCount + oldCount)]
  }
  private var newBytes: ArraySlice<UInt8>? {
    newCount < 0 ? nil : bytes[(bytes.count - Int(newCount))...]
  }

  /// Calls `body` with the old and the new row, valid for the call.
  package func withRows<Result>(_ body: (_ old: RowRef?, _ new: RowRef?) -> Result) -> Result {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return body(nil, nil) }
      let newStart = bytes.count - Int(max(0, newCount))
      return body(
        oldCount < 0 ? nil : RowRef(base: base + Int(keyCount), count: Int(oldCount)),
        newCount < 0 ? nil : RowRef(base: base + newStart, count: Int(newCount)))
    }
  }

  /// What this change and a later one of the same key are together.
  package func followed(by later: LoggedChange) -> LoggedChange {
    LoggedChange(later.view, key: key, old: oldBytes, new: later.newBytes)
  }

  package var hasOld: Bool { oldCount >= 0 }
  package var hasNew: Bool { newCount >= 0 }
}

/// The keys whose rows changed, each once, in the order of their last change.
///
/// A follower remembers the number of the last mark that it knows of, nothing else; what is behind it is what it has to be told.
/// So one set serves any number of followers, however far behind they are, and has at most one entry per key.
struct DirtyKeys: ~Copyable {
  /// One key to be told of.
  struct Entry {
    let mark: UInt64
    let key: RowRef
    /// The key's columns as JSON, as the row had them that is gone; nil where the last change left a row.
    let goneKey: [UInt8]?
  }

  private struct Slot {
    let mark: UInt64
    /// Nil once the key has been marked again.
    var record: RowTable.Record?
    let goneKey: [UInt8]?
  }

  private var slots: [Slot] = []
  /// Payload: the place in `slots`.
  private var table: RowTable?
  private(set) var lastMark: UInt64 = 0

  private(set) var count = 0
  /// Of them, those whose row is gone: they are bounded by nothing that there is.
  private(set) var goneCount = 0
  /// Slots held, those of keys marked again included.
  var slotCount: Int { slots.count }

  /// Marks a key as changed; it moves to the end.
  mutating func mark(_ key: RowRef, hash: UInt64, goneKey: [UInt8]?) {
    if table == nil { table = RowTable(payloadBytes: 8) }
    var inserted = false
    guard let record = table?.findOrInsert(key, hash: hash, inserted: &inserted) else { return }
    if inserted { count += 1 } else { vacate(record.payload.load(as: Int.self)) }
    if goneKey != nil { goneCount += 1 }
    lastMark += 1
    record.payload.storeBytes(of: slots.count, as: Int.self)
    slots.append(Slot(mark: lastMark, record: record, goneKey: goneKey))
    if slots.count > 32, slots.count > 2 * count { compact() }
  }

  /// Calls `body` with the keys marked behind `mark`, oldest first, until it returns false.
  func forEach(after mark: UInt64, _ body: (Entry) -> Bool) {
    var index = firstSlot(after: mark)
    while index < slots.count {
      let slot = slots[index]
      index += 1
      guard let record = slot.record else { continue }
      guard body(Entry(mark: slot.mark, key: record.key, goneKey: slot.goneKey)) else { return }
    }
  }

  /// Forgets the keys that every follower knows of.
  ///
  /// - Parameter mark: the least that a follower remembers.
  mutating func prune(upTo mark: UInt64) {
    let end = firstSlot(after: mark)
    guard end > 0 else { return }
    for slot in slots[..<end] {
      guard let record = slot.record else { continue }
      table?.remove(record)
      count -= 1
      if slot.goneKey != nil { goneCount -= 1 }
    }
    guard end < slots.count else {
      slots = []
      table = nil
      return
    }
    slots.removeFirst(end)
    renumber()
  }

  /// The mark behind which so many keys are gone, or fewer.
  func mark(behindAllButGone left: Int) -> UInt64 {
    var surplus = goneCount - left
    for slot in slots where surplus > 0 && slot.record != nil && slot.goneKey != nil {
      surplus -= 1
      if surplus == 0 { return slot.mark }
    }
    return 0
  }

  private mutating func vacate(_ place: Int) {
    if slots[place].goneKey != nil { goneCount -= 1 }
    slots[place].record = nil
  }

  private mutating func compact() {
    slots.removeAll { $0.record == nil }
    renumber()
  }

  /// The mark behind which half of the slots are.
  var middleMark: UInt64 { slots.isEmpty ? lastMark : slots[slots.count / 2].mark }

  private func renumber() {
    for (place, slot) in slots.enumerated() {
      slot.record?.payload.storeBytes(of: place, as: Int.self)
    }
  }

  private func firstSlot(after mark: UInt64) -> Int {
    var (low, high) = (0, slots.count)
    while low < high {
      let middle = (low + high) / 2
      if slots[middle].mark > mark { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

import Synchronization

/// Finds the rows of a view that share one column of its key, as an item's locations do.
///
/// The records of a ``ViewTable`` are linked by group; a record is in its group from before it is first visible until
/// after the last reader could see it, so that a group read at any sequence is whole. The writer holds a group's
/// lock and a table's shard one after the other, never both; a reader takes the shard inside of the group.
final class KeyGroups: Sendable {
  /// What a record needs for it behind the newest version: the next and the previous record of its group.
  static let payloadBytes = 16

  private struct Shard: ~Copyable, Sendable {
    /// Payload: the first record of the group.
    var groups = RowTable(payloadBytes: 8)
  }

  private final class LockedShard: Sendable {
    let shard = Mutex(Shard())
  }

  private let shards = (0..<shardCount).map { _ in LockedShard() }
  private let hasher: RowHasher
  private let slot: ColumnSlot
  /// Only the writer's.
  private nonisolated(unsafe) let builder: CanonicalKey

  private static let shardCount = 64

  /// - Parameters:
  ///   - keyTypes: of the view's key columns.
  ///   - column: among them.
  init(keyTypes: [ColumnType], column: Int, hasher: RowHasher) {
    self.hasher = hasher
    slot = RowLayout(keyTypes).slots[column]
    builder = CanonicalKey([keyTypes[column]])
  }

  // MARK: Reading

  /// Calls `body` with the record of every key in the group; it runs under the group's lock.
  ///
  /// - Parameter group: a row of the one column.
  func forEachRecord(of group: RowRef, _ body: (RowTable.Record) -> Void) {
    let hash = hasher.hash(group)
    shards[Self.number(hash)].shard.withLock { shard in
      var record = shard.groups.find(group, hash: hash).flatMap { Self.first($0) }
      while let current = record {
        body(current)
        record = current.nextInGroup
      }
    }
  }

  // MARK: Writing

  func add(_ record: RowTable.Record) {
    let group = group(of: record)
    let hash = hasher.hash(group)
    shards[Self.number(hash)].shard.withLock { shard in
      var inserted = false
      let head = shard.groups.findOrInsert(group, hash: hash, inserted: &inserted)
      record.nextInGroup = Self.first(head)
      record.previousInGroup = nil
      record.nextInGroup?.previousInGroup = record
      Self.setFirst(head, record)
    }
  }

  func remove(_ record: RowTable.Record) {
    let group = group(of: record)
    let hash = hasher.hash(group)
    shards[Self.number(hash)].shard.withLock { shard in
      guard let head = shard.groups.find(group, hash: hash) else { return }
      record.nextInGroup?.previousInGroup = record.previousInGroup
      guard record.previousInGroup == nil else {
        record.previousInGroup?.nextInGroup = record.nextInGroup
        return
      }
      Self.setFirst(head, record.nextInGroup)
      if record.nextInGroup == nil { shard.groups.remove(head) }
    }
  }

  private func group(of record: RowTable.Record) -> RowRef {
    builder.build { _ in record.key.datum(slot) }
  }

  private static func first(_ group: RowTable.Record) -> RowTable.Record? {
    group.payload.load(as: UnsafeMutableRawPointer?.self).map(RowTable.Record.init)
  }

  private static func setFirst(_ group: RowTable.Record, _ record: RowTable.Record?) {
    group.payload.storeBytes(of: record?.base, as: UnsafeMutableRawPointer?.self)
  }

  private static func number(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> 58) & (shardCount - 1)
  }
}

extension RowTable.Record {
  fileprivate var nextInGroup: RowTable.Record? {
    get { load(8) }
    nonmutating set { store(newValue, 8) }
  }

  fileprivate var previousInGroup: RowTable.Record? {
    get { load(16) }
    nonmutating set { store(newValue, 16) }
  }

  private func load(_ offset: Int) -> RowTable.Record? {
    payload.load(fromByteOffset: offset, as: UnsafeMutableRawPointer?.self)
      .map(RowTable.Record.init)
  }

  private func store(_ record: RowTable.Record?, _ offset: Int) {
    payload.storeBytes(
      of: record?.base, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }
}
